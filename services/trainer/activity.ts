/** What a run trains on: a copy of the activity in its window, each event once. */
import { ACTIVITY_COLUMNS } from "./interactions.ts";
import type { WorkTables } from "./work-tables.ts";

export interface TrainingActivity {
  /** Table of ACTIVITY_COLUMNS. */
  readonly table: string;
  /** Events that have a weight. */
  readonly events: number;
  /** Of the oldest and the youngest of them, milliseconds since 1970; `null` without events. */
  readonly from: number | null;
  readonly watermark: number | null;
}

/**
 * Copies the events that matter (weighted ones, and refunds) of the last `lookbackDays` before the youngest event. The
 * copy is made once: finding the newest row of each event is the most expensive step over the shop's whole activity.
 *
 * @throws ClickHouseError
 */
export async function copyActivity(
  work: WorkTables,
  weights: Readonly<Record<string, number>>,
  lookbackDays: number,
): Promise<TrainingActivity> {
  const table = await work.create({
    name: "activity",
    columns: ACTIVITY_COLUMNS,
    orderBy: "(actor_id, item_id, occurred_at)",
    shardBy: "actor_id",
  });
  const weighted = Object.keys(weights).filter((event) => (weights[event] ?? 0) > 0);
  await work.run(
    `
INSERT INTO ${table}
WITH (SELECT max(occurred_at) FROM events WHERE has({weighted:Array(String)}, event)) AS youngest
SELECT actor_id, session_id, item_id, event, occurred_at, quantity
FROM activity
WHERE item_id != '' AND occurred_at > youngest - toIntervalDay({lookbackDays:UInt32})
  AND has({kept:Array(String)}, event)`,
    { weighted, kept: [...weighted, "refund"], lookbackDays },
  );
  return describeActivity(work, table, weighted);
}

/** @param weighted names of the events that have a weight */
export async function describeActivity(
  work: WorkTables,
  table: string,
  weighted: readonly string[],
): Promise<TrainingActivity> {
  const [row] = await work.clickhouse.query<Record<"events" | "first" | "last", string>>(
    `
SELECT count() AS events, toUnixTimestamp64Milli(min(occurred_at)) AS first, toUnixTimestamp64Milli(max(occurred_at)) AS last
FROM ${table} WHERE has({weighted:Array(String)}, event)`,
    { weighted },
  );
  const events = Number(row?.events ?? 0);
  if (row === undefined || events === 0) return { table, events: 0, from: null, watermark: null };
  return { table, events, from: Number(row.first), watermark: Number(row.last) };
}
