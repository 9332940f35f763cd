import type { ClickHouse } from "../clickhouse/index.ts";
import { type FactorParameters, FactorScorer, type TowerParameters, TowerScorer } from "../scoring/index.ts";
import type { ItemVectors } from "./history-models.ts";
import type { ItemIndex } from "./item-index.ts";
import { BrokenModelError, numbersOf, type PublishedVersion, served } from "./model-tables.ts";

const VECTOR_PAGE = `
SELECT item_id, vector
FROM model_vectors
WHERE version = {version:String} AND item_id > {after:String}
ORDER BY item_id
LIMIT {limit:UInt32}`;

/** Numbers a query: parsing one answer should not hold up requests for more than some milliseconds. */
const NUMBERS_PER_PAGE = 100_000;

const FACTORS = ["factors", "unobserved", "ridge", "ridgePower"] as const satisfies readonly (keyof FactorParameters)[];
const TOWERS = ["factors", "weightPower"] as const satisfies readonly (keyof TowerParameters)[];

const PLACES = "SELECT feature, weight FROM model_weights WHERE version = {version:String}";

/**
 * Reads a version of a factorisation.
 *
 * @throws BrokenModelError
 * @throws ClickHouseError
 */
export async function loadFactors(
  clickhouse: ClickHouse,
  items: ItemIndex,
  published: PublishedVersion,
  now: () => number,
): Promise<ItemVectors> {
  const parameters: FactorParameters = numbersOf(published, FACTORS);
  const { rows, vectors } = await readVectors(clickhouse, items, published, parameters.factors, published.entries);
  return { ...served(published, now), items: rows, scorer: new FactorScorer(vectors, parameters) };
}

/**
 * Reads a version of a model of two towers.
 *
 * @throws BrokenModelError
 * @throws ClickHouseError
 */
export async function loadTowers(
  clickhouse: ClickHouse,
  items: ItemIndex,
  published: PublishedVersion,
  now: () => number,
): Promise<ItemVectors> {
  const { version, entries } = published;
  const parameters: TowerParameters = numbersOf(published, TOWERS);
  const stored = await clickhouse.query<{ feature: string; weight: number }>(PLACES, { version });
  const weightOf = new Map(stored.map(({ feature, weight }) => [feature, weight]));
  const placeWeights = Float32Array.from(stored, (_, place) => weightOf.get(`place.${place}`) ?? Number.NaN);
  if (stored.length === 0 || !placeWeights.every(Number.isFinite)) {
    throw new BrokenModelError(`version ${version} lacks the weight of a place`);
  }
  const rowCount = entries - stored.length;
  const { rows, vectors } = await readVectors(clickhouse, items, published, parameters.factors, rowCount);
  return { ...served(published, now), items: rows, scorer: new TowerScorer(vectors, placeWeights, parameters) };
}

/** A range of items at a time. */
async function readVectors(
  clickhouse: ClickHouse,
  items: ItemIndex,
  { version }: PublishedVersion,
  factors: number,
  rowCount: number,
): Promise<{ rows: Int32Array; vectors: Float32Array }> {
  const vectors = new Float32Array(rowCount * factors);
  const rows = new Int32Array(rowCount);
  const limit = Math.max(1, Math.floor(NUMBERS_PER_PAGE / factors));
  let row = 0;
  for (let after = ""; ; ) {
    const page: { item_id: string; vector: number[] }[] = await clickhouse.query(VECTOR_PAGE, {
      version,
      after,
      limit,
    });
    for (const { item_id, vector } of page) {
      if (vector.length !== factors || row === rowCount || !vector.every(Number.isFinite)) {
        throw new BrokenModelError(`version ${version} has a vector for ${item_id} that does not fit it`);
      }
      rows[row] = items.intern(item_id);
      vectors.set(vector, row * factors);
      row += 1;
    }
    if (page.length < limit) break;
    after = page.at(-1)?.item_id ?? after;
  }
  if (row !== rowCount) throw new BrokenModelError(`version ${version} has ${row} vectors, ${rowCount} were published`);
  return { rows, vectors };
}
