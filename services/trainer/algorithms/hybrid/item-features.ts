/** What is known of items whoever asks: the rows of services/scoring's ItemFeatures, by SQL. */
import { type ItemFeatureRow, ItemFeatures } from "../../../scoring/index.ts";
import { BUCKETS } from "../../contexts.ts";
import { weightingParameters } from "../../interactions.ts";
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";
import type { FitContext } from "../algorithm.ts";

/** Events that an item's affinity begins with, spread as those of all items: few events say little. */
const SMOOTHING = 20;

/** Of a dimension with more buckets (countries), the most frequent are kept. */
const BUCKETS_OF_DIMENSION = 50;

const ITEMS_PER_PAGE = 20_000;

/** @returns table (item UInt32, names Array(String), values Array(Float32)) @throws ClickHouseError */
export async function createItemFeatures(context: FitContext): Promise<string> {
  const { work, name, matrix, activity, weighting, window } = context;
  const parameters = weightingParameters(weighting, window);
  const counted = await work.create({
    name: `${name}_counted`,
    columns: "item UInt32, dimension LowCardinality(String), bucket LowCardinality(String), events UInt64",
    orderBy: "(item, bucket)",
  });
  await work.run(
    `
INSERT INTO ${counted}
SELECT n.item AS item, splitByChar('.', bucket)[1] AS dimension, bucket, count() AS events
FROM ${happened(activity)} AS e GLOBAL INNER JOIN ${matrix.items} AS n ON e.item_id = n.item_id
ARRAY JOIN ${BUCKETS} AS bucket
GROUP BY item, bucket`,
    parameters,
  );
  const entries = await work.create({
    name: `${name}_entries`,
    columns: "item UInt32, name String, value Float32",
    orderBy: "item",
  });
  await work.run(`
INSERT INTO ${entries}
SELECT item, 'popularity', log1p(degree) / (SELECT log1p(max(degree)) FROM ${matrix.items})
FROM ${matrix.items} WHERE degree > 0`);
  await work.run(
    `
INSERT INTO ${entries}
SELECT n.item AS item, moment.1 AS name, 1 / (1 + ({watermark:Int64} - toUnixTimestamp64Milli(moment.2)) / 86400000) AS value
FROM (
  SELECT item_id, [('recency', max(occurred_at)), ('age', min(occurred_at))] AS moments
  FROM ${happened(activity)} GROUP BY item_id
) AS e GLOBAL INNER JOIN ${matrix.items} AS n ON e.item_id = n.item_id
ARRAY JOIN moments AS moment`,
    parameters,
  );
  await work.run(`INSERT INTO ${entries}${prices(matrix, activity)}`, parameters);
  await work.run(`INSERT INTO ${entries}${affinities(counted)}`);
  const table = await work.create({
    name: `${name}_features`,
    columns: "item UInt32, names Array(String), values Array(Float32)",
    orderBy: "item",
  });
  await work.run(`
INSERT INTO ${table}
SELECT item, sorted.1 AS names, sorted.2 AS values
FROM (SELECT item, arraySort(groupArray((name, value))) AS sorted FROM ${entries} GROUP BY item)`);
  return table;
}

/** @param table of createItemFeatures @throws ClickHouseError */
export async function readItemFeatures(work: WorkTables, table: string, itemCount: number): Promise<ItemFeatures> {
  const rows: ItemFeatureRow[] = [];
  for (let from = 0; from < itemCount; from += ITEMS_PER_PAGE) {
    const page = await work.clickhouse.query<ItemFeatureRow>(
      `SELECT item, names, values FROM ${table} WHERE item >= {from:UInt32} AND item < {to:UInt32} ORDER BY item`,
      { from, to: from + ITEMS_PER_PAGE },
    );
    rows.push(...page);
  }
  return new ItemFeatures(rows, itemCount);
}

function happened(activity: string): string {
  return `(
  SELECT item_id, occurred_at, price, device, country FROM ${activity}
  WHERE {weights:Map(String, Float64)}[event] > 0 AND toUnixTimestamp64Milli(occurred_at) < {before:Int64}
)`;
}

/** As the shop says, else the median of what was paid. */
function prices(matrix: Matrix, activity: string): string {
  const said =
    matrix.catalogue === null ? "" : `SELECT item_id, price AS amount, 1 AS said FROM ${matrix.catalogue} UNION ALL `;
  return `
SELECT n.item AS item, 'price' AS name, log(p.typical) AS value
FROM (
  SELECT item_id, argMax(amount, said) AS typical
  FROM (${said}SELECT item_id, quantileExact(0.5)(price) AS amount, 0 AS said FROM ${happened(activity)} WHERE price > 0 GROUP BY item_id)
  WHERE amount > 0
  GROUP BY item_id
) AS p GLOBAL INNER JOIN ${matrix.items} AS n ON p.item_id = n.item_id`;
}

/**
 * With n the item's events where the dimension is known, n_b those in the bucket, p_b the bucket's share of all items'
 * events and s = SMOOTHING: ln((n_b + s p_b) / ((n + s) p_b)); for buckets it was never seen in ln(s / (n + s)).
 */
function affinities(counted: string): string {
  return `
WITH entry.1 AS name, entry.2 AS value
SELECT item, name, value
FROM (
  SELECT item, arrayConcat(
    [(concat('affinity.', dimension), log(${SMOOTHING} / (sum(events) + ${SMOOTHING})))],
    groupArray((concat('affinity.', bucket), log((events + ${SMOOTHING} * share) / (whole + ${SMOOTHING}) / share)))) AS found
  FROM (
    SELECT c.item AS item, c.dimension AS dimension, c.bucket AS bucket, c.events AS events, b.share AS share,
      sum(c.events) OVER (PARTITION BY item, dimension) AS whole
    FROM ${counted} AS c GLOBAL INNER JOIN (
      SELECT bucket, dimension, events / sum(events) OVER (PARTITION BY dimension) AS share
      FROM (SELECT dimension, bucket, sum(events) AS events FROM ${counted} GROUP BY dimension, bucket)
      ORDER BY dimension, events DESC, bucket
      LIMIT ${BUCKETS_OF_DIMENSION} BY dimension
    ) AS b ON c.bucket = b.bucket
  )
  GROUP BY item, dimension
)
ARRAY JOIN found AS entry`;
}
