/** From what people did to how much each actor has to do with each item. */
import type { WorkTables } from "./work-tables.ts";

/** How events become weights. */
export interface Weighting {
  /** By event name; an event that is not named has no weight. Not negative, at most 1,000. */
  readonly weights: Readonly<Record<string, number>>;
  /** After so many days an event counts half; `null`: no decay. */
  readonly halfLifeDays: number | null;
  /** Of longer histories the items touched last are kept. */
  readonly historyItems: number;
}

/** Enough for a person; what a crawler leaves behind would cost the square of it. */
export const DEFAULT_HISTORY_ITEMS = 1_000;

/** The moment of the youngest event that counts; decay is counted from it. Milliseconds since 1970. */
export interface Window {
  readonly watermark: number;
  /** Only events before this count; `null`: all. */
  readonly before: number | null;
}

/** The columns of a table of activity: one row an event, each event once. */
export const ACTIVITY_COLUMNS = `
  actor_id String,
  session_id String COMMENT 'empty where the source names none',
  item_id String,
  event LowCardinality(String),
  occurred_at DateTime64(3, 'UTC'),
  quantity UInt32,
  price Float64 COMMENT 'of one piece; 0: not known',
  device LowCardinality(String) COMMENT 'mobile, tablet or desktop; empty: not known',
  country LowCardinality(String) COMMENT 'empty: not known'`;

/** Their names, in order. */
export const ACTIVITY_COLUMN_NAMES =
  "actor_id, session_id, item_id, event, occurred_at, quantity, price, device, country";

const INTERACTION_COLUMNS = `
  actor_id String,
  item_id String,
  weight Float64 COMMENT 'a multiple of 2^-20',
  last_at DateTime64(3, 'UTC')`;

/**
 * Weights are rounded to multiples of 2^-20 (a weight of 1 vanishes after 21 half-lives). Sums of such numbers are
 * exact in Float64 up to 2^33, so a sum does not depend on the order in which threads or shards add, and the same data
 * gives the same model byte for byte.
 *
 * A refund takes back what was bought: the purchases' part counts by the share of pieces that was kept,
 * max(0, bought - refunded) / bought.
 */
function interactionsOf(activity: string): string {
  return `
WITH
  {weights:Map(String, Float64)}[event] AS event_weight,
  ({watermark:Int64} - toUnixTimestamp64Milli(occurred_at)) / 86400000 AS age_days,
  if({halfLifeDays:Float64} > 0, exp2(-age_days / {halfLifeDays:Float64}), 1) AS decay,
  round(event_weight * decay * 1048576) / 1048576 AS points
SELECT
  actor_id,
  item_id,
  other_points + round(bought_points * kept * 1048576) / 1048576 AS weight,
  if(kept > 0, greatest(other_at, bought_at), other_at) AS last_at
FROM (
  SELECT
    actor_id,
    item_id,
    sumIf(points, event NOT IN ('purchase', 'refund')) AS other_points,
    sumIf(points, event = 'purchase') AS bought_points,
    maxIf(occurred_at, event NOT IN ('purchase', 'refund') AND points > 0) AS other_at,
    maxIf(occurred_at, event = 'purchase' AND points > 0) AS bought_at,
    sumIf(toInt64(quantity), event = 'purchase') AS bought,
    sumIf(toInt64(quantity), event = 'refund') AS refunded,
    if(bought > 0, greatest(0, bought - refunded) / bought, 0) AS kept
  FROM ${activity}
  WHERE item_id != '' AND toUnixTimestamp64Milli(occurred_at) < {before:Int64}
  GROUP BY actor_id, item_id
)
WHERE weight > 0
ORDER BY actor_id, last_at DESC, item_id
LIMIT {historyItems:UInt32} BY actor_id`;
}

/** Parameters of SQL that weighs events, the same for every algorithm. */
export function weightingParameters(weighting: Weighting, window: Window): Record<string, unknown> {
  return {
    weights: new Map(Object.entries(weighting.weights)),
    halfLifeDays: weighting.halfLifeDays ?? 0,
    historyItems: weighting.historyItems,
    watermark: window.watermark,
    before: window.before ?? Number.MAX_SAFE_INTEGER,
  };
}

/**
 * Makes the table `name` of (actor_id, item_id, weight, last_at) from a table of ACTIVITY_COLUMNS, a row for each pair
 * with something left.
 *
 * @returns the table's name, quoted
 * @throws ClickHouseError
 */
export async function createInteractions(
  work: WorkTables,
  name: string,
  activity: string,
  weighting: Weighting,
  window: Window,
): Promise<string> {
  const table = await work.create({
    name,
    columns: INTERACTION_COLUMNS,
    orderBy: "(actor_id, item_id)",
    shardBy: "actor_id",
  });
  await work.run(`INSERT INTO ${table}${interactionsOf(activity)}`, weightingParameters(weighting, window));
  return table;
}
