/**
 * Items as vectors of what is said of them: TF-IDF (Salton and Buckley, "Term-weighting approaches in automatic text
 * retrieval", IPM 1988) in each of five fields, the words and the character n-grams of the text, categories, brand and
 * price band. With tf a term's count in the item's field, df the items that have it, and N all items:
 *
 *     element(term) = fieldWeight x (1 + ln tf) x ln((N + 1) / df) / norm of the field's elements of the item
 *
 * and the whole vector scaled to length 1, so that a product of two is their cosine.
 */
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";
import { ELEMENT_COLUMNS, ELEMENT_SCALE } from "../co-occurrence.ts";

/** How much each field counts; 0: not at all. */
export interface FieldWeights {
  readonly words: number;
  readonly grams: number;
  readonly categories: number;
  readonly brand: number;
  readonly price: number;
}

export interface FeatureBounds {
  /** Symbols of an n-gram. */
  readonly gramLength: number;
  /** Of an item, the terms that count most; the rest is left out of products. */
  readonly terms: number;
  /** A term that more items have is left out of products: it tells little and costs the square of it. */
  readonly commonItems: number;
}

/** @returns table of ELEMENT_COLUMNS with a row for each term that at least two items have @throws ClickHouseError */
export async function createFeatures(
  work: WorkTables,
  name: string,
  matrix: Matrix & { readonly catalogue: string },
  parameters: FieldWeights & FeatureBounds,
): Promise<string> {
  const counts = await work.create({
    name: `${name}_terms`,
    columns: "item UInt32, field LowCardinality(String), term String, times UInt32",
    orderBy: "(field, term, item)",
  });
  await work.run(`INSERT INTO ${counts}${termsOf(matrix)}`, { gramLength: parameters.gramLength });
  const elements = await work.create({ name: `${name}_elements`, columns: ELEMENT_COLUMNS, orderBy: "row" });
  const { words, grams, categories, brand, price, terms, commonItems } = parameters;
  await work.run(`INSERT INTO ${elements}${elementsOf(counts)}`, {
    fields: new Map(Object.entries({ words, grams, categories, brand, price })),
    terms,
    commonItems,
  });
  return elements;
}

/** Prices in bands of half an octave. */
function termsOf({ catalogue, items }: Matrix & { readonly catalogue: string }): string {
  return `
WITH extractAll(lowerUTF8(name), '[\\\\p{L}\\\\p{N}]+') AS name_words,
  arrayConcat(name_words, extractAll(lowerUTF8(description), '[\\\\p{L}\\\\p{N}]+')) AS text_words,
  concat(' ', arrayStringConcat(name_words, ' '), ' ') AS line
SELECT n.item AS item, entry.1 AS field, entry.2 AS term, toUInt32(count()) AS times
FROM ${catalogue} AS c GLOBAL INNER JOIN ${items} AS n ON c.item_id = n.item_id
ARRAY JOIN arrayConcat(
  arrayMap(word -> ('words', word), text_words),
  arrayMap(gram -> ('grams', gram), ngrams(line, {gramLength:UInt8})),
  arrayMap(category -> ('categories', category), categories),
  if(brand = '', [], [('brand', lowerUTF8(brand))]),
  if(price > 0, [('price', toString(floor(2 * log2(price))))], [])) AS entry
GROUP BY item, field, term`;
}

function elementsOf(counts: string): string {
  return `
WITH (SELECT uniqExact(item) FROM ${counts}) AS item_count
SELECT concat(field, ' ', term) AS row, entries.1 AS items, entries.2 AS elements
FROM (
  SELECT field, term, arraySort(groupArray((item, element))) AS entries
  FROM (
    SELECT item, field, term, document_count, toUInt32(floor(least(1, share / whole) * ${ELEMENT_SCALE})) AS element
    FROM (
      SELECT item, field, term, document_count, {fields:Map(String, Float64)}[field] * weight / length_of_field AS share,
        sqrt(sum(share * share) OVER (PARTITION BY item)) AS whole
      FROM (
        SELECT item, field, term, document_count,
          (1 + log(times)) * log((item_count + 1) / document_count) AS weight,
          sqrt(sum(weight * weight) OVER (PARTITION BY item, field)) AS length_of_field
        FROM (SELECT item, field, term, times, count() OVER (PARTITION BY field, term) AS document_count FROM ${counts})
      )
    )
    WHERE share > 0
    ORDER BY item, share DESC, field, term
    LIMIT {terms:UInt32} BY item
  )
  WHERE document_count <= {commonItems:UInt32}
  GROUP BY field, term
  HAVING count() > 1
)`;
}
