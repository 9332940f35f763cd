/**
 * Items that are like those that a person liked, by what the shop says of them: features.ts has the text and attributes,
 * vectors.ts the vectors. An actor's profile is the mean of its items' vectors by weight, and an item's score the product
 * with the profile, which is the sum over the history of weight x similarity: the model is each item's most similar items,
 * as that of itemNeighbours. It has items that nobody has touched yet.
 */
import type { Algorithm } from "../algorithm.ts";
import { coOccurrence, nearest, PAIRS_PER_SLICE } from "../co-occurrence.ts";
import { NEIGHBOUR_COLUMNS, neighboursModel } from "../neighbours-model.ts";
import { createFeatures } from "./features.ts";
import { addNearestVectors, PAIR_COLUMNS } from "./vectors.ts";

const DEFAULTS = {
  words: 1,
  grams: 0.7,
  categories: 1,
  brand: 0.5,
  price: 0.3,
  /** What the cosine of supplied vectors counts beside the cosine of text and attributes, which counts 1. */
  vectors: 1,
  /** How many times as much an item that nobody has touched counts: no other algorithm lists it. */
  newcomers: 2,
  neighbours: 100,
  /** Exponent of the similarity. */
  power: 1,
  gramLength: 4,
  terms: 60,
  commonItems: 1_000,
};

export function content(parameters: Partial<typeof DEFAULTS> = {}): Algorithm {
  const configuration = { ...DEFAULTS, ...parameters };
  return {
    name: "content",
    needsTime: false,
    needsCatalogue: true,
    parameters: configuration,
    async fit({ work, name, matrix, onProgress }) {
      const { neighbours } = configuration;
      const table = await work.create({ name: `${name}_neighbours`, columns: NEIGHBOUR_COLUMNS, orderBy: "item" });
      const model = neighboursModel(work, matrix, table, neighbours, "no two items of the catalogue are alike");
      const { catalogue } = matrix;
      if (catalogue === null) return model;
      const described = { ...matrix, catalogue };
      const near = await work.create({ name: `${name}_near`, columns: PAIR_COLUMNS, orderBy: "item" });
      const vectors = { neighbours, weight: configuration.vectors };
      await addNearestVectors(work, name, described, near, vectors, (share) => onProgress(share / 2));
      const elements = await createFeatures(work, name, described, configuration);
      const [counts] = await work.clickhouse.query<{ pairs: string }>(
        `SELECT sum(length(items) * length(items)) AS pairs FROM ${elements}`,
      );
      const pairCount = Math.min(Number(counts?.pairs ?? 0), matrix.itemCount ** 2) + matrix.itemCount * neighbours;
      const slices = Math.ceil(pairCount / PAIRS_PER_SLICE);
      for (let slice = 0; slice < slices; slice += 1) {
        await work.run(`INSERT INTO ${table} ${nearest(similarities(elements, near))}`, {
          ...configuration,
          minimumShared: 1,
          touched: matrix.touchedCount,
          slices,
          slice,
        });
        onProgress(0.5 + (slice + 1) / slices / 2);
      }
      return model;
    },
  };
}

function similarities(elements: string, near: string): string {
  return `
SELECT item, neighbour, toUInt64(sum(product) * if(neighbour < {touched:UInt32}, 1, {newcomers:Float64})) AS product,
  1 AS shared
FROM (
  SELECT item, neighbour, product FROM (${coOccurrence(elements)})
  UNION ALL
  SELECT item, neighbour, product FROM ${near} WHERE item % {slices:UInt32} = {slice:UInt32}
)
GROUP BY item, neighbour`;
}
