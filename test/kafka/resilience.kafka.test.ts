import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { type ClickHouse, openClickHouse } from "../../services/clickhouse/index.ts";
import { type Consumer, type ConsumerOptions, isAlive, postgresAttributes } from "../../services/consumer/index.ts";
import { openPostgres } from "../../services/postgres/index.ts";
import { clickHouseFolder, migratedDatabase } from "../fixtures/clickhouse.ts";
import { json, mappersOf, startTestConsumer, storedEvents, viewOf } from "../fixtures/consumer.ts";
import { startBroker } from "./broker.ts";
import { type ClickHouseFront, startClickHouseFront } from "./clickhouse-front.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { describeKafka, openLog } from "./suite.ts";

/** Less than what is waited for below: a member that sent no heartbeat would be out of its group. */
const SESSION_MILLISECONDS = 3_000;
const CLOSED_MILLISECONDS = 1_500;
/** A log that is closed waits for its appends: signals may be under way when the broker goes for good. */
const DELIVERY_MILLISECONDS = 5_000;

describeKafka("a consumer on Kafka", () => {
  let postgres: Postgres;
  let front: ClickHouseFront;
  let clickhouse: ClickHouse;
  const consumers: Consumer[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.sql(`
      CREATE TABLE users (id text PRIMARY KEY, username text);
      INSERT INTO users SELECT 'user-' || i, 'User ' || i FROM generate_series(0, 99) AS i`);
    front = await startClickHouseFront({ path: clickHouseFolder() });
    clickhouse = await migratedDatabase();
  });
  afterAll(async () => {
    await clickhouse.close();
    await front.close();
    await postgres.remove();
  });
  afterEach(async () => {
    await front.fault(null);
    for (const consumer of consumers.splice(0)) await consumer.close();
    await clickhouse.command("TRUNCATE TABLE events");
  });

  async function start(topic: string, options: Pick<ConsumerOptions, "log"> & Partial<ConsumerOptions>) {
    const mappers = mappersOf([{ name: topic, record: "Event" }]);
    const consumer = await startTestConsumer({
      clickhouse,
      group: topic,
      mappers,
      signalsTopic: `${topic}.signals`,
      batch: { maxRecords: 50, maxBytes: 1e6 },
      ...options,
    });
    consumers.push(consumer);
    return consumer;
  }

  const events = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => {
      const userId = `user-${(from + index) % 100}`;
      return json(viewOf(`e${from + index}`, { userId }), userId);
    });

  async function enrichment() {
    const connection = await openPostgres({ uri: postgres.uri, timeoutMilliseconds: 500 });
    const table = { table: "users", key: "id", columns: { name: "username" }, refreshSeconds: 0.001 };
    const retry = { firstRetryMilliseconds: 50, lastRetryMilliseconds: 100 };
    return { connection, attributes: postgresAttributes(connection, { users: table }, retry) };
  }

  it("holds its partitions and stays in its group while ClickHouse is away for longer than a session", async () => {
    const topic = `clickhouse-away-${randomUUID()}`;
    const log = openLog({ sessionTimeoutMilliseconds: SESSION_MILLISECONDS, maxBufferedBytes: 20_000 });
    const target = { kind: "server", url: front.url, username: "shop", password: "" } as const;
    const server = await openClickHouse(target, clickhouse.database, { timeoutSeconds: 1 });
    await log.append(topic, events(0, 100));
    const consumer = await start(topic, { log, clickhouse: server });
    await consumer.caughtUp();
    const rejoined = log.events.filter(({ kind }) => kind === "rejoined").length;
    await front.fault({ kind: "Hang", when: "Before" });
    await log.append(topic, events(100, 2_000));
    for (let waited = 0; waited < 3 * SESSION_MILLISECONDS; waited += 500) {
      await sleep(500);
      expect(isAlive(consumer.liveness(), Date.now())).toBe(true);
    }
    const status = await consumer.status();
    expect(status).toMatchObject({ state: "Retrying" });
    // At most one fetch of a partition more than its share: what came together.
    expect(status.bytesInFlight.buffered).toBeLessThan(400_000);
    await front.fault(null);
    await consumer.caughtUp();
    expect(await storedEvents(clickhouse)).toHaveLength(2_100);
    expect(log.events.filter(({ kind }) => kind === "rejoined")).toHaveLength(rejoined);
    await consumer.close();
    await server.close();
  });

  it("Wait: holds its partitions while PostgreSQL is away, and stays in its group", async () => {
    const topic = `wait-${randomUUID()}`;
    const log = openLog({ sessionTimeoutMilliseconds: SESSION_MILLISECONDS });
    const { attributes, connection } = await enrichment();
    await log.append(topic, events(0, 100));
    const consumer = await start(topic, { log, attributes, onEnrichmentFailure: "Wait" });
    await consumer.caughtUp();
    const rejoined = log.events.filter(({ kind }) => kind === "rejoined").length;
    await postgres.kill();
    await log.append(topic, events(100, 400));
    await sleep(2 * SESSION_MILLISECONDS);
    const status = await consumer.status();
    expect(status).toMatchObject({ state: "Retrying", enrichment: { state: "Away" }, lag: 400 });
    expect(status.problem).toMatch(/ECONN|terminated/);
    await postgres.start();
    await consumer.caughtUp();
    const stored = await storedEvents(clickhouse);
    expect(stored).toHaveLength(500);
    expect(stored.filter(({ user_attributes }) => user_attributes.name === undefined)).toEqual([]);
    expect(log.events.filter(({ kind }) => kind === "rejoined")).toHaveLength(rejoined);
    await consumer.close();
    await connection.close();
  });

  it("Complete: PostgreSQL is killed under load; another consumer fills in what was stored meanwhile", async () => {
    const topic = `complete-${randomUUID()}`;
    const log = openLog();
    const { attributes, connection } = await enrichment();
    await log.append(topic, events(0, 100));
    const consumer = await start(topic, { log, attributes });
    await consumer.caughtUp();
    await postgres.kill();
    await log.append(topic, events(100, 1_000));
    await consumer.caughtUp();
    expect(await consumer.status()).toMatchObject({ state: "Running", enrichment: { state: "Away" } });
    expect((await storedEvents(clickhouse)).filter(({ enriched }) => !enriched).length).toBeGreaterThan(900);
    await consumer.close();
    await postgres.start();
    const next = await enrichment();
    await start(topic, { log, attributes: next.attributes });
    const complete = async () => (await storedEvents(clickhouse)).every(({ enriched }) => enriched);
    await vi.waitUntil(complete, { timeout: 20_000, interval: 200 });
    const stored = await storedEvents(clickhouse);
    expect(stored).toHaveLength(1_100);
    expect(stored.filter(({ user_attributes }) => user_attributes.name === undefined)).toEqual([]);
    await consumers.at(-1)?.close();
    await connection.close();
    await next.connection.close();
  });

  it("closes in time while the broker is away and a commit waits for it", async () => {
    const broker = await startBroker();
    try {
      const topic = `closing-${randomUUID()}`;
      const log = openLog({
        bootstrapServers: [broker.plaintext],
        deliveryTimeoutMilliseconds: DELIVERY_MILLISECONDS,
      });
      await log.append(topic, events(0, 100));
      const consumer = await start(topic, { log });
      await consumer.caughtUp();
      await log.append(topic, events(100, 100));
      await broker.kill();
      await sleep(500);
      const started = performance.now();
      await consumer.close({ deadlineMilliseconds: CLOSED_MILLISECONDS });
      expect(performance.now() - started).toBeLessThan(CLOSED_MILLISECONDS + 500);
      expect(consumer.liveness().state).toBe("Stopped");
    } finally {
      await broker.remove();
    }
  });
});
