/**
 * Items near each other by the vectors that the shop supplies, found with ClickHouse's vector index: a graph of small
 * worlds (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
 * small world graphs", TPAMI 2020), which finds most of the nearest, not always all.
 */
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";
import { PRODUCT_SCALE } from "../co-occurrence.ts";

/** Items that one statement looks up. */
const LOOKUPS_PER_STATEMENT = 64;

/** Like pairs of co-occurrence: `product` is the cosine. */
export const PAIR_COLUMNS = "item UInt32, neighbour UInt32, product UInt64";

/**
 * Fills `pairs` (PAIR_COLUMNS) with each item's nearest. All vectors have the length that most have; others are left out.
 *
 * @throws ClickHouseError
 */
export async function addNearestVectors(
  work: WorkTables,
  name: string,
  matrix: Matrix & { readonly catalogue: string },
  pairs: string,
  options: { readonly neighbours: number; readonly weight: number },
  onProgress: (share: number) => void,
): Promise<void> {
  const [most] = await work.clickhouse.query<{ dimensions: string }>(
    `SELECT length(embedding) AS dimensions FROM ${matrix.catalogue} WHERE notEmpty(embedding)
     GROUP BY dimensions ORDER BY count() DESC, dimensions LIMIT 1`,
  );
  if (most === undefined || options.weight === 0) return;
  const dimensions = Number(most.dimensions);
  const vectors = await work.create({
    name: `${name}_vectors`,
    columns: `item UInt32, vector Array(Float32),
  INDEX nearest vector TYPE vector_similarity('hnsw', 'cosineDistance', ${dimensions})`,
    orderBy: "item",
  });
  await work.run(
    `
INSERT INTO ${vectors}
SELECT n.item AS item, c.embedding AS vector
FROM ${matrix.catalogue} AS c GLOBAL INNER JOIN ${matrix.items} AS n ON c.item_id = n.item_id
WHERE length(c.embedding) = {dimensions:UInt32} AND arrayAll(value -> isFinite(value), c.embedding)
  AND arrayExists(value -> value != 0, c.embedding)`,
    { dimensions },
  );
  for (let after = -1; ; ) {
    const page = await work.clickhouse.query<{ item: number; vector: number[] }>(
      `SELECT item, vector FROM ${vectors} WHERE item > {after:Int64} ORDER BY item LIMIT {limit:UInt32}`,
      { after, limit: LOOKUPS_PER_STATEMENT },
    );
    const last = page.at(-1);
    if (last === undefined) return;
    const lookups = page.map(({ item, vector }) => nearestTo(vectors, item, vector));
    await work.run(`INSERT INTO ${pairs}\n${lookups.join("\nUNION ALL\n")}`, options);
    after = last.item;
    onProgress((after + 1) / matrix.itemCount);
  }
}

/** The index is used where the vector stands in the statement itself. */
function nearestTo(vectors: string, item: number, vector: readonly number[]): string {
  return `SELECT toUInt32(${item}) AS item, neighbour, toUInt64(greatest(0, 1 - distance) * {weight:Float64} * ${PRODUCT_SCALE}) AS product
FROM (
  SELECT item AS neighbour, cosineDistance(vector, [${vector.join(", ")}]) AS distance
  FROM ${vectors} ORDER BY distance LIMIT {neighbours:UInt32} + 1
)
WHERE neighbour != ${item} AND distance < 1`;
}
