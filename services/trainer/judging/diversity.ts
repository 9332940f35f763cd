/**
 * Intra-list diversity (Ziegler et al., WWW 2005; Smyth and McClave, ICCBR 2001): of one list the mean, over its pairs of
 * items, of 1 - cosine. The vector of an item has a 1 for each of its categories, or, without a catalogue that has some,
 * for each actor that touched it: |A and B| / sqrt(|A| |B|). Items that have nothing are unlike any other.
 */
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { Metrics } from "./metrics.ts";

/** Of more lists, those with the smallest hash: the standard error is then at most 0.016. */
const MEASURED_LISTS = 1_000;
/**
 * Bits of a feature's hash: a bitmap then takes two bytes for an actor, where one of 32 bits takes thirty. Sets of 10,000
 * actors share six by chance.
 */
const FEATURE_BITS = 24;
/** Pairs that are looked at together: a join copies both bitmaps for each. */
const PAIRS_AT_ONCE = 256;
/** Similarities are added up in fixed point, so that the sum does not depend on the order. */
const SCALE = 2 ** 32;

/**
 * @param ranked table with (case UInt32, ranked Array(UInt32)), each list at least as long as the largest cutoff or with
 * all there is
 * @param categories table with (item_id String, categories Array(String)); `null`: by who touched an item
 * @returns `diversity` at every cutoff above 1: 0 all alike, 1 nothing in common; lists of one item are left out
 * @throws ClickHouseError
 */
export async function measureDiversity(
  work: WorkTables,
  ranked: string,
  matrix: Pick<Matrix, "items" | "histories">,
  categories: string | null,
  cutoffs: readonly number[],
): Promise<Metrics> {
  const known = categories !== null && (await hasCategories(work, categories));
  const rows = await work.clickhouse.query<{ cutoff: number; diversity: number }>(
    `
WITH lists AS (
  SELECT case, arraySlice(ranked, 1, {longest:UInt32}) AS items FROM ${ranked}
  WHERE length(ranked) > 1
  ORDER BY cityHash64(case), case LIMIT ${MEASURED_LISTS}
),
features AS (
  SELECT item, groupBitmapState(feature) AS set
  FROM (${known ? categoriesOf(matrix, categories) : actorsOf(matrix)})
  WHERE item GLOBAL IN (SELECT arrayJoin(items) FROM lists)
  GROUP BY item
),
pairs AS (
  SELECT case, place, least(item, items[place]) AS one, greatest(item, items[place]) AS other, position
  FROM lists ARRAY JOIN items AS item, arrayEnumerate(items) AS position ARRAY JOIN range(1, position) AS place
),
similarities AS (
  SELECT one, other, toUInt64(round(${SCALE} * bitmapAndCardinality(a.set, b.set)
    / sqrt(bitmapCardinality(a.set) * bitmapCardinality(b.set)))) AS similarity
  FROM (SELECT DISTINCT one, other FROM pairs) AS p
  GLOBAL INNER JOIN features AS a ON p.one = a.item
  GLOBAL INNER JOIN features AS b ON p.other = b.item
)
SELECT cutoff, avg(toDecimal64(1 - similar / pairs_of, 12)) AS diversity
FROM (
  SELECT cutoff, case, sum(s.similarity) / ${SCALE} AS similar, count() AS pairs_of
  FROM (SELECT case, one, other, arrayJoin(arrayFilter(k -> position <= k, {cutoffs:Array(UInt32)})) AS cutoff FROM pairs) AS p
  GLOBAL LEFT JOIN similarities AS s ON p.one = s.one AND p.other = s.other
  GROUP BY cutoff, case
)
GROUP BY cutoff
SETTINGS max_joined_block_size_rows = ${PAIRS_AT_ONCE}`,
    { cutoffs, longest: Math.max(...cutoffs) },
  );
  return Object.fromEntries(rows.map(({ cutoff, diversity }) => [`diversity@${cutoff}`, Number(diversity)]));
}

async function hasCategories(work: WorkTables, categories: string): Promise<boolean> {
  const [row] = await work.clickhouse.query<{ some: number }>(
    `SELECT count() > 0 AS some FROM ${categories} WHERE notEmpty(categories)`,
  );
  return row?.some === 1;
}

function actorsOf({ histories }: Pick<Matrix, "histories">): string {
  return `SELECT item, ${hashOf("actor_id")} AS feature FROM ${histories} ARRAY JOIN items AS item`;
}

function categoriesOf({ items }: Pick<Matrix, "items">, categories: string): string {
  return `
SELECT n.item AS item, ${hashOf("category")} AS feature
FROM (SELECT item_id, arrayJoin(categories) AS category FROM ${categories}) AS c
GLOBAL INNER JOIN ${items} AS n ON c.item_id = n.item_id`;
}

function hashOf(column: string): string {
  return `toUInt32(cityHash64(${column}) % ${2 ** FEATURE_BITS})`;
}
