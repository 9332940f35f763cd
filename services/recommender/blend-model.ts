import type { ClickHouse } from "../clickhouse/index.ts";
import { featureNames, type ItemFeatureRow, ItemFeatures } from "../scoring/index.ts";
import type { Blend } from "./history-models.ts";
import type { ItemIndex } from "./item-index.ts";
import type { HistoryModel } from "./model.ts";
import { BrokenModelError, checkCount, numbersOf, type PublishedVersion, served } from "./model-tables.ts";

const WEIGHTS = "SELECT feature, weight FROM model_weights WHERE version = {version:String}";

/** Some twenty numbers each: parsing one answer should not hold up requests for more than some milliseconds. */
const ITEMS_PER_PAGE = 2_000;

const FEATURE_PAGE = `
SELECT item_id, names, values
FROM model_item_features
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
  const known: ItemFeatureRow[] = [];
  for (let after = ""; ; ) {
    const page: { item_id: string; names: string[]; values: number[] }[] = await clickhouse.query(FEATURE_PAGE, {
      version,
      after,
      limit: ITEMS_PER_PAGE,
    });
    for (const { item_id, names, values } of page) known.push({ item: items.intern(item_id), names, values });
    if (page.length < ITEMS_PER_PAGE) break;
    after = page.at(-1)?.item_id ?? after;
  }
  checkCount(published, rows.length + known.length);
  known.sort((a, b) => a.item - b.item);
  const { candidates, newcomerEvery } = numbersOf(published, ["candidates", "newcomerEvery"]);
  return {
    ...served(published, now),
    components: [...components.values()],
    candidates,
    newcomerEvery,
    weights: Float64Array.from(weights),
    known: new ItemFeatures(known, items.size),
  };
}
