/**
 * A program: ClickHouse's own Kafka engine reads the topic into the same tables, in the embedded engine.
 * `node kafka-engine.ts BROKER TOPIC EVENTS FOLDER`; prints one `Loop` as JSON. It counts from having its partitions.
 *
 * What it leaves out: it checks nothing but the types of columns, has no dead letters (one bad record stops it, or with
 * `kafka_handle_error_mode = 'stream'` has to be picked out by another view), attributes and enriches nothing, shortens
 * no address, and tells no recommender. A batch that was stored and not committed is stored again with another
 * `ingested_at`, as ours is.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { settleProcess } from "../../../services/cli/process-settings.ts";
import { migrate, openClickHouse } from "../../../services/clickhouse/index.ts";
import type { Loop } from "./loop.ts";

const LOOK_MILLISECONDS = 50;
const SOURCE_COLUMNS = `
  eventId String, event String, userId String, anonymousId String, sessionId String, itemId String,
  occurredAt DateTime64(3, 'UTC'), price Nullable(Decimal(18, 4)), quantity Nullable(UInt32), currency String, url String,
  referrer String, userAgent String, ipAddress String, properties Map(String, String)`;

const STORE = `
CREATE MATERIALIZED VIEW kafka_feed TO events AS
SELECT
  eventId AS event_id, event, multiIf(userId != '', userId, anonymousId != '', concat('anonymous:', anonymousId),
  concat('session:', sessionId)) AS actor_id, userId AS user_id, anonymousId AS anonymous_id, sessionId AS session_id,
  itemId AS item_id, occurredAt AS occurred_at, price, ifNull(quantity, 1) AS quantity, currency, url, referrer, userAgent AS user_agent,
  ipAddress AS ip_address, properties, true AS enriched, _topic AS topic, _partition AS partition, _offset AS offset,
  now64(3) AS ingested_at
FROM kafka_source`;

settleProcess();
const [broker = "", topic = "", events = "", folder = ""] = process.argv.slice(2);
const clickhouse = await openClickHouse({ kind: "embedded", path: folder }, "bench");
await migrate(clickhouse, { database: "bench" }, Date.now);
await clickhouse.command(`
CREATE TABLE kafka_source (${SOURCE_COLUMNS}) ENGINE = Kafka
SETTINGS kafka_broker_list = '${broker}', kafka_topic_list = '${topic}', kafka_group_name = '${randomUUID()}',
  kafka_format = 'JSONEachRow', kafka_num_consumers = 1, date_time_input_format = 'best_effort'`);
await clickhouse.command(STORE);
while (!(await hasPartitions())) await sleep(LOOK_MILLISECONDS);
const started = performance.now();
const before = process.cpuUsage();
while ((await stored()) < Number(events)) await sleep(LOOK_MILLISECONDS);
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - started) / 1_000;
const loop: Loop = { events: await distinct(), seconds, cpuSeconds: (user + system) / 1e6 };
console.log(JSON.stringify(loop));
process.exit();

async function hasPartitions(): Promise<boolean> {
  const rows = await clickhouse.query<{ partitions: number }>(
    "SELECT sum(length(assignments.topic)) AS partitions FROM system.kafka_consumers",
  );
  return Number(rows[0]?.partitions) > 0;
}

async function stored(): Promise<number> {
  const [row] = await clickhouse.query<{ rows: string }>("SELECT count() AS rows FROM events");
  return Number(row?.rows);
}

async function distinct(): Promise<number> {
  const [row] = await clickhouse.query<{ ids: string }>("SELECT uniqExact(event_id) AS ids FROM events");
  return Number(row?.ids);
}
