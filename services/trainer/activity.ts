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

/** Events with several rows that one statement sorts out: some 500 MB. */
const REPEATED_AT_ONCE = 2_000_000;

/**
 * The activity (each event once, by its newest row) of those events whose hash comes to {part} of {parts}, without holding
 * all their ids: few events have a second row, and only these are compared.
 *
 * @param repeated table of the topics and ids of such events
 */
function onceEach(repeated: string): string {
  const inPart = "cityHash64(topic, event_id) % {parts:UInt32} = {part:UInt32}";
  const ids = `(SELECT topic, event_id FROM ${repeated} WHERE ${inPart})`;
  const rows = `SELECT * FROM events WHERE ${inPart} AND ingested_at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')`;
  return `
    ${rows} AND (topic, event_id) GLOBAL NOT IN ${ids}
    UNION ALL
    SELECT * FROM (
      ${rows} AND (topic, event_id) GLOBAL IN ${ids}
      ORDER BY ingested_at DESC LIMIT 1 BY topic, event_id
    )`;
}

/**
 * Activity with the user in place of a visitor that signed in as it, before and after. However many visitors there are,
 * the join holds half a gigabyte of them in memory and the rest on disk.
 *
 * @param activity statement of events
 */
function ofPeople(activity: string): string {
  return `(
  SELECT happened.* REPLACE (if(person.user_id = '', happened.actor_id, person.user_id) AS actor_id)
  FROM (${activity}) AS happened
  GLOBAL LEFT JOIN (
    SELECT concat('anonymous:', anonymous_id) AS visitor, tupleElement(min(link), 2) AS user_id
    FROM identities
    GROUP BY anonymous_id
  ) AS person ON person.visitor = happened.actor_id
  SETTINGS join_algorithm = 'grace_hash', max_bytes_in_join = 500000000
)`;
}

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
  repeatedAtOnce: number = REPEATED_AT_ONCE,
): Promise<TrainingActivity> {
  const table = await work.create({
    name: "activity",
    columns: ACTIVITY_COLUMNS,
    orderBy: "(actor_id, item_id, occurred_at)",
    shardBy: "actor_id",
  });
  const weighted = Object.keys(weights).filter((event) => (weights[event] ?? 0) > 0);
  const { repeated, count, until } = await findRepeated(work);
  const parts = Math.max(1, Math.ceil(count / repeatedAtOnce));
  for (let part = 0; part < parts; part += 1) {
    await work.run(
      `
INSERT INTO ${table}
WITH (SELECT max(occurred_at) FROM events WHERE has({weighted:Array(String)}, event)) AS youngest
SELECT actor_id, session_id, item_id, event, occurred_at, quantity, ifNull(toFloat64(price), 0) AS price,
  ${DEVICE} AS device, ${COUNTRY} AS country
FROM ${ofPeople(onceEach(repeated))}
WHERE item_id != '' AND occurred_at > youngest - toIntervalDay({lookbackDays:UInt32})
  AND has({kept:Array(String)}, event)`,
      { weighted, kept: [...weighted, "refund"], lookbackDays, parts, part, until },
    );
  }
  return describeActivity(work, table, weighted);
}

/** Events that have more than one row: sent again, and not merged yet. */
async function findRepeated(work: WorkTables) {
  const repeated = await work.create({
    name: "repeated",
    columns: "topic String, event_id String",
    orderBy: "(topic, event_id)",
  });
  // What is stored from now on is the next run's: it would not be known whether an event has rows in both.
  const [row] = await work.clickhouse.query<{ until: string }>(
    "SELECT toUnixTimestamp64Milli(max(ingested_at)) AS until FROM events",
  );
  const until = Number(row?.until ?? 0);
  await work.run(
    `
INSERT INTO ${repeated}
SELECT topic, event_id FROM events WHERE ingested_at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')
GROUP BY topic, event_id HAVING count() > 1`,
    { until },
  );
  const [found] = await work.clickhouse.query<{ count: string }>(`SELECT count() AS count FROM ${repeated}`);
  return { repeated, count: Number(found?.count ?? 0), until };
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
