/** What a run trains on: a copy of the activity in its window, each event once. */
import { ACTIVITY_COLUMN_NAMES, ACTIVITY_COLUMNS } from "./interactions.ts";
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

/** Beside those of ACTIVITY_COLUMNS: what an event is known by, and which of its rows is the newest. */
const STORED_COLUMNS = `${ACTIVITY_COLUMNS},
  topic LowCardinality(String),
  event_id String,
  ingested_at DateTime64(3, 'UTC')`;

/**
 * Activity with the user in place of a visitor that signed in as it, before and after. However many visitors there are,
 * the join holds half a gigabyte of them in memory and the rest on disk.
 *
 * @param table of ACTIVITY_COLUMNS, with FINAL where it is to be said
 */
function ofPeople(table: string): string {
  return `(
  SELECT happened.* REPLACE (if(person.user_id = '', happened.actor_id, person.user_id) AS actor_id)
  FROM (SELECT ${ACTIVITY_COLUMN_NAMES} FROM ${table}) AS happened
  GLOBAL LEFT JOIN (
    SELECT concat('anonymous:', anonymous_id) AS visitor, tupleElement(min(link), 2) AS user_id
    FROM identities
    GROUP BY anonymous_id
  ) AS person ON person.visitor = happened.actor_id
  SETTINGS join_algorithm = 'grace_hash', max_bytes_in_join = 500000000
)`;
}

const DAY_MILLISECONDS = 86_400_000;

const DEVICE = `multiIf(
  user_agent = '', '',
  match(user_agent, '(?i)ipad|tablet') OR (match(user_agent, '(?i)android') AND NOT match(user_agent, '(?i)mobile')), 'tablet',
  match(user_agent, '(?i)mobi|iphone|android'), 'mobile',
  'desktop')`;

/** As the event says, else as the shop says of the user. */
const COUNTRY = `trim(BOTH '"' FROM if(properties['country'] != '', properties['country'], user_attributes['country']))`;

/**
 * Copies the events that matter (weighted ones, and refunds) of the last `lookbackDays` before the youngest event. The
 * copy is made once: finding the newest row of each event is the most expensive step over the shop's whole activity. Its
 * memory does not grow with that.
 *
 * @throws ClickHouseError
 */
export async function copyActivity(
  work: WorkTables,
  weights: Readonly<Record<string, number>>,
  lookbackDays: number,
): Promise<TrainingActivity> {
  const weighted = Object.keys(weights).filter((event) => (weights[event] ?? 0) > 0);
  const table = await work.create({
    name: "activity",
    columns: ACTIVITY_COLUMNS,
    orderBy: "(actor_id, item_id, occurred_at)",
    shardBy: "actor_id",
  });
  const [row] = await work.clickhouse.query<{ youngest: string }>(
    "SELECT toUnixTimestamp64Milli(max(occurred_at)) AS youngest FROM events WHERE has({weighted:Array(String)}, event)",
    { weighted },
  );
  const from = Number(row?.youngest ?? 0) - lookbackDays * DAY_MILLISECONDS;
  const stored = await storedSince(work, from);
  await work.run(
    `
INSERT INTO ${table}
SELECT ${ACTIVITY_COLUMN_NAMES} FROM ${ofPeople(`${stored} FINAL`)}
WHERE item_id != '' AND occurred_at > fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND has({kept:Array(String)}, event)`,
    { from, kept: [...weighted, "refund"] },
  );
  return describeActivity(work, table, weighted);
}

/**
 * All that was stored of events that may be of the time since then, put together by event as the table is merged: whatever
 * order rows came in, and on whichever shard they lie. A row says when it was stored, which is not before it happened but
 * for clocks that differ by less than a day: an event that has a row of the window has its newer ones in here as well, even
 * when they say that it was before.
 *
 * @param from milliseconds since 1970
 * @returns table of STORED_COLUMNS, for FINAL
 */
async function storedSince(work: WorkTables, from: number): Promise<string> {
  const stored = await work.create({
    name: "stored",
    columns: STORED_COLUMNS,
    engine: "ReplacingMergeTree",
    version: "ingested_at",
    orderBy: "(topic, event_id)",
  });
  await work.run(
    `
INSERT INTO ${stored} (${ACTIVITY_COLUMN_NAMES}, topic, event_id, ingested_at)
SELECT actor_id, session_id, item_id, event, occurred_at, quantity, ifNull(toFloat64(price), 0) AS price,
  ${DEVICE} AS device, ${COUNTRY} AS country, topic, event_id, ingested_at
FROM events
WHERE greatest(occurred_at, ingested_at) > fromUnixTimestamp64Milli({from:Int64}, 'UTC')`,
    { from: from - DAY_MILLISECONDS },
  );
  return stored;
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
