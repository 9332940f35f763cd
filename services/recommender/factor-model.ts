import type { ClickHouse } from "../clickhouse/index.ts";
import { type FactorParameters, FactorScorer } from "../scoring/index.ts";
import type { Factors } from "./history-models.ts";
import type { ItemIndex } from "./item-index.ts";
import { BrokenModelError, checkCount, numbersOf, type PublishedVersion, served } from "./model-tables.ts";

const VECTOR_PAGE = `
SELECT item_id, vector
FROM model_vectors
WHERE version = {version:String} AND item_id > {after:String}
ORDER BY item_id
LIMIT {limit:UInt32}`;

/** Numbers a query: parsing one answer should not hold up requests for more than some milliseconds. */
const NUMBERS_PER_PAGE = 100_000;

const PARAMETERS = [
  "factors",
  "unobserved",
  "ridge",
  "ridgePower",
] as const satisfies readonly (keyof FactorParameters)[];

/**
 * Reads a version of a factorisation, a range of items at a time.
 *
 * @throws BrokenModelError
 * @throws ClickHouseError
 */
export async function loadFactors(
  clickhouse: ClickHouse,
  items: ItemIndex,
  published: PublishedVersion,
  now: () => number,
): Promise<Factors> {
  const { version, entries } = published;
  const parameters: FactorParameters = numbersOf(published, PARAMETERS);
  const { factors } = parameters;
  const vectors = new Float32Array(entries * factors);
  const rows = new Int32Array(entries);
  const limit = Math.max(1, Math.floor(NUMBERS_PER_PAGE / factors));
  let row = 0;
  for (let after = ""; ; ) {
    const page: { item_id: string; vector: number[] }[] = await clickhouse.query(VECTOR_PAGE, {
      version,
      after,
      limit,
    });
    for (const { item_id, vector } of page) {
      if (vector.length !== factors || row === entries || !vector.every(Number.isFinite)) {
        throw new BrokenModelError(`version ${version} has a vector for ${item_id} that does not fit it`);
      }
      rows[row] = items.intern(item_id);
      vectors.set(vector, row * factors);
      row += 1;
    }
    if (page.length < limit) break;
    after = page.at(-1)?.item_id ?? after;
  }
  checkCount(published, row);
  return { ...served(published, now), items: rows, scorer: new FactorScorer(vectors, parameters) };
}
