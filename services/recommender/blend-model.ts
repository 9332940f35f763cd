import type { ClickHouse } from "../clickhouse/index.ts";
import { featureNames } from "../scoring/index.ts";
import type { Blend } from "./history-models.ts";
import type { ItemIndex } from "./item-index.ts";
import type { HistoryModel } from "./model.ts";
import { BrokenModelError, checkCount, numbersOf, PAGE, type PublishedVersion, served } from "./model-tables.ts";

const WEIGHTS = "SELECT feature, weight FROM model_weights WHERE version = {version:String}";

const POPULARITY_PAGE = `
SELECT item_id, vector[1] AS popularity
FROM model_vectors
WHERE version = {version:String} AND item_id > {after:String}
ORDER BY item_id
LIMIT {limit:UInt32}`;

/**
 * Reads a version of a ranker.
 *
 * @param components models of the versions that it names, by algorithm
 * @throws BrokenModelError
 * @throws ClickHouseError
 */
export async function loadBlend(
  clickhouse: ClickHouse,
  items: ItemIndex,
  published: PublishedVersion,
  components: ReadonlyMap<string, HistoryModel>,
  now: () => number,
): Promise<Blend> {
  const { version } = published;
  const rows = await clickhouse.query<{ feature: string; weight: number }>(WEIGHTS, { version });
  const weightOf = new Map(rows.map(({ feature, weight }) => [feature, weight]));
  const weights = featureNames([...components.keys()]).map((feature) => {
    const weight = weightOf.get(feature);
    if (weight !== undefined && Number.isFinite(weight)) return weight;
    throw new BrokenModelError(`version ${version} has no weight for ${feature}`);
  });
  const known: [number, number][] = [];
  for (let after = ""; ; ) {
    const page: { item_id: string; popularity: number }[] = await clickhouse.query(POPULARITY_PAGE, {
      version,
      after,
      limit: PAGE,
    });
    for (const { item_id, popularity } of page) known.push([items.intern(item_id), popularity]);
    if (page.length < PAGE) break;
    after = page.at(-1)?.item_id ?? after;
  }
  checkCount(published, rows.length + known.length);
  const popularity = new Float32Array(items.size);
  for (const [item, value] of known) popularity[item] = value;
  return {
    ...served(published, now),
    components: [...components.values()],
    candidates: numbersOf(published, ["candidates"]).candidates,
    weights: Float64Array.from(weights),
    popularity,
  };
}
