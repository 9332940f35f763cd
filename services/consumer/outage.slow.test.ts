import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { clickHouseFolder, migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { json, startTestConsumer, storedEvents, storedLetters, viewOf } from "../../test/fixtures/consumer.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import { type ClickHouseFront, type Fault, startClickHouseFront } from "../../test/kafka/clickhouse-front.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import { type ClickHouse, openClickHouse } from "../clickhouse/index.ts";
import { type Consumer, type ConsumerOptions, consumerMetrics, isAlive } from "./index.ts";

const TIMEOUT_SECONDS = 1;

let front: ClickHouseFront;
/** Past the front, to see what is stored. */
let clickhouse: ClickHouse;
/** Through the front. */
let server: ClickHouse;
let log: EmbeddedLog;
const consumers: Consumer[] = [];

beforeAll(async () => {
  front = await startClickHouseFront({ path: clickHouseFolder() });
});
afterAll(() => front.close());
beforeEach(async () => {
  clickhouse = await migratedDatabase();
  const target = { kind: "server", url: front.url, username: "shop", password: "secret" } as const;
  server = await openClickHouse(target, clickhouse.database, { timeoutSeconds: TIMEOUT_SECONDS });
  log = await temporaryLog();
});
afterEach(async () => {
  await front.fault(null);
  await front.setCredentials(null);
  for (const consumer of consumers.splice(0)) await consumer.close({ deadlineMilliseconds: 1_000 });
  await log.close();
  await server.close();
  await clickhouse.close();
});

async function start(options: Partial<ConsumerOptions> = {}) {
  const consumer = await startTestConsumer({ log, clickhouse: server, ...options });
  consumers.push(consumer);
  return consumer;
}

const idsOf = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

async function send(prefix: string, count: number) {
  await log.append(
    "shop.events",
    idsOf(prefix, count).map((id, index) => json(viewOf(id, { event: index % 3 === 0 ? "purchase" : "view" }), id)),
  );
}

async function storedIds(): Promise<string[]> {
  return (await storedEvents(clickhouse)).map(({ event_id }) => event_id).sort();
}

const retrying = (consumer: Consumer) =>
  vi.waitUntil(async () => (await consumer.status()).state === "Retrying", { timeout: 10_000 });

describe("faults of ClickHouse under load lose nothing and double nothing", () => {
  test.each<[string, Fault]>([
    ["refuses", { kind: "Refuse" }],
    ["hangs, and had not begun", { kind: "Hang", when: "Before", every: 3, times: 3 }],
    ["hangs, and had stored", { kind: "Hang", when: "After", on: "Insert", every: 3, times: 3 }],
    ["stops in the middle of an answer", { kind: "Stall", every: 4, times: 3 }],
    ["cuts an answer", { kind: "Cut", when: "After", every: 3 }],
    ["fails before it stored", { kind: "Fail", when: "Before", every: 3 }],
    ["answers 500 after it stored", { kind: "Fail", when: "After", on: "Insert", every: 2 }],
    ["is behind a proxy that cannot reach it", { kind: "BadGateway", when: "After", every: 3 }],
    ["is slow", { kind: "Slow", milliseconds: 40 }],
    ["is full of parts", { kind: "Fail", when: "Before", on: "Insert", code: 252, type: "TOO_MANY_PARTS", every: 2 }],
  ])("%s", async (_name, fault) => {
    const consumer = await start({ batch: { maxRecords: 40, maxBytes: 1e6 } });
    await send("a", 100);
    await front.fault(fault);
    await send("b", 100);
    const faults = async () => fault.kind === "Refuse" || fault.kind === "Slow" || (await front.counts()).faults > 0;
    await vi.waitUntil(async () => (await consumer.status()).state === "Retrying" || fault.kind === "Slow", {
      timeout: 10_000,
      interval: 5,
    });
    expect(await faults()).toBe(true);
    await front.fault(null);
    await consumer.caughtUp();
    expect(await storedIds()).toEqual([...idsOf("a", 100), ...idsOf("b", 100)].sort());
    expect(await storedLetters(clickhouse)).toEqual([]);
    const checkouts = await clickhouse.query<{ id: string }>(
      "SELECT DISTINCT checkout_id AS id FROM attributed_checkouts",
    );
    expect(checkouts).toHaveLength(68);
    expect(await consumer.status()).toMatchObject({ state: "Running", lag: 0 });
  });

  test("an insert whose acknowledgement was lost is made again and adds no row, not even one to be merged away", async () => {
    await front.fault({ kind: "Fail", when: "After", on: "Insert", matching: "events", times: 3 });
    const consumer = await start();
    await send("v", 50);
    await log.append("shop.events", [json({ eventId: 1 })]);
    await consumer.caughtUp();
    expect((await front.counts()).faults).toBeGreaterThanOrEqual(3);
    const [rows] = await clickhouse.query(
      "SELECT toUInt32(count()) AS events, (SELECT toUInt32(count()) FROM touches) AS touches FROM events",
    );
    expect(rows).toEqual({ events: 50, touches: 50 });
    expect(await storedLetters(clickhouse)).toHaveLength(1);
  });
});

describe("states of the server are told, and cost no row", () => {
  test("a password that is wrong", async () => {
    const registry = new Registry();
    await front.setCredentials({ username: "shop", password: "another" });
    const consumer = await start({ metrics: consumerMetrics(registry) });
    await send("v", 3);
    await retrying(consumer);
    const { problem } = await consumer.status();
    expect(problem).toMatch(/516.*set the username and password/);
    expect(await registry.metrics()).toMatch(/retries_total\{cause="clickhouse_credentials"\} [1-9]/);
    expect(await registry.metrics()).toContain("productmatcher_consumer_retrying 1");
    await front.setCredentials(null);
    await consumer.caughtUp();
    expect(await storedIds()).toEqual(idsOf("v", 3));
    expect(await registry.metrics()).toContain("productmatcher_consumer_retrying 0");
  });

  test("a table whose column was changed: not one of its rows becomes a dead letter", async () => {
    const type = "Map(LowCardinality(String), String)";
    await clickhouse.command("ALTER TABLE events MODIFY COLUMN properties Map(String, UInt8)");
    const consumer = await start();
    await log.append(
      "shop.events",
      idsOf("v", 60).map((id) => json(viewOf(id, { properties: { a: "text" } }))),
    );
    await retrying(consumer);
    expect((await consumer.status()).problem).toMatch(/each row of a batch of 60.*migrate/);
    await clickhouse.command(`ALTER TABLE events MODIFY COLUMN properties ${type}`);
    await consumer.caughtUp();
    expect(await storedIds()).toEqual(idsOf("v", 60).sort());
    expect(await storedLetters(clickhouse)).toEqual([]);
  });
});

describe("liveness", () => {
  test("a consumer that tries again is alive, however long; its loop goes on while ClickHouse hangs", async () => {
    await front.fault({ kind: "Hang", when: "Before" });
    const consumer = await start();
    await send("v", 1);
    await retrying(consumer);
    const before = consumer.liveness();
    await vi.waitUntil(() => consumer.liveness().lastTick > before.lastTick + 2 * TIMEOUT_SECONDS * 1_000, {
      timeout: 20_000,
    });
    expect(isAlive(consumer.liveness(), Date.now())).toBe(true);
    expect((await consumer.status()).problem).toContain("no answer from ClickHouse within 1 s");
  });

  test("one whose loop stands still is not", async () => {
    const never = new Promise<never>(() => {});
    const consumer = await start({ attributes: { users: () => never } });
    await send("v", 1);
    await vi.waitUntil(() => consumer.liveness().nextTickBy !== null);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const { lastTick } = consumer.liveness();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(consumer.liveness().lastTick).toBe(lastTick);
    expect(isAlive(consumer.liveness(), Date.now())).toBe(true);
    expect(isAlive(consumer.liveness(), Date.now() + 61_000)).toBe(false);
  });

  test("one that was closed is alive for its last moments, one that failed is not", async () => {
    const consumer = await start();
    await consumer.close();
    expect(isAlive(consumer.liveness(), Date.now() + 1e9)).toBe(true);
    expect(isAlive({ state: "Failed", lastTick: 0, nextTickBy: null }, 0)).toBe(false);
  });
});

describe("close ends in time", () => {
  test("while ClickHouse hangs: what was under way is left to the next", async () => {
    await front.fault({ kind: "Hang", when: "Before" });
    const slow = await openClickHouse(server.target, server.database, { timeoutSeconds: 60 });
    const before = (await front.counts()).faults;
    const consumer = await start({ clickhouse: slow });
    await send("v", 5);
    await vi.waitUntil(async () => (await front.counts()).faults > before);
    const started = performance.now();
    await consumer.close({ deadlineMilliseconds: 1_000 });
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(consumer.liveness().state).toBe("Stopped");
    await front.fault(null);
    await slow.close();
    const next = await start();
    await next.caughtUp();
    expect(await storedIds()).toEqual(idsOf("v", 5));
  });

  test("while the source of attributes never answers", async () => {
    const never = new Promise<never>(() => {});
    const consumer = await start({ attributes: { users: () => never } });
    await send("v", 1);
    await vi.waitUntil(async () => (await consumer.status()).bytesInFlight.batches > 0);
    const started = performance.now();
    await consumer.close({ deadlineMilliseconds: 800 });
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  test("what can be stored in time is stored and committed", async () => {
    await front.fault({ kind: "Slow", milliseconds: 150, on: "Insert" });
    const before = (await front.counts()).faults;
    const consumer = await start();
    await send("v", 5);
    await vi.waitUntil(async () => (await front.counts()).faults > before);
    await consumer.close();
    await front.fault(null);
    expect(await storedIds()).toEqual(idsOf("v", 5));
    const subscription = await log.subscribe({ group: "shop", topics: ["shop.events"], startFrom: "Earliest" });
    const lags = await subscription.lag();
    await subscription.close();
    expect(lags.reduce((sum, { offset, endOffset }) => sum + endOffset - offset, 0)).toBe(0);
  });
});

test("ids that take many bytes in an address hold nothing up", async () => {
  const long = (number: number) => `${"ключ ' \\ ".repeat(10)}${number}`;
  const numbers = Array.from({ length: 1_500 }, (_, index) => index);
  await log.append(
    "shop.events",
    numbers.flatMap((index) => {
      const fields = { userId: long(index), itemId: long(index) };
      const view = viewOf(`v${index}`, { ...fields, occurredAt: Date.now() - 60_000 });
      return [json(view, long(index)), json(viewOf(`p${index}`, { ...fields, event: "purchase" }), long(index))];
    }),
  );
  await log.append(
    "shop.items",
    numbers.map((index) => json({ itemId: long(index), name: "Teapot" })),
  );
  const consumer = await start({ batch: { maxRecords: 5_000, maxBytes: 1e8 } });
  await consumer.caughtUp();
  const [row] = await clickhouse.query(
    `SELECT toUInt32(count()) AS checkouts, toUInt32(countIf(first_touch.2 != '')) AS earned,
       (SELECT toUInt32(count()) FROM items FINAL) AS items
     FROM attributed_checkouts FINAL`,
  );
  expect(row).toEqual({ checkouts: 1_500, earned: 1_500, items: 1_500 });
});

test("while ClickHouse is away two batches are held at most, whatever waits in the log", async () => {
  const maxBytes = 100_000;
  const registry = new Registry();
  await front.fault({ kind: "Refuse" });
  const consumer = await start({ batch: { maxRecords: 100_000, maxBytes }, metrics: consumerMetrics(registry) });
  const url = "x".repeat(2_000);
  for (let round = 0; round < 10; round += 1) {
    const records = idsOf(`v${round}-`, 100).map((id) => json(viewOf(id, { url: `https://shop.example/${url}` }), id));
    await log.append("shop.events", records);
  }
  await retrying(consumer);
  // The second is there, too: from now on nothing changes.
  await vi.waitUntil(async () => (await consumer.status()).bytesInFlight.batches > 1.5 * maxBytes);
  const { bytesInFlight } = await consumer.status();
  // Keys count here, and do not there.
  expect(bytesInFlight.batches).toBeLessThan(2 * maxBytes + 10_000);
  expect(bytesInFlight.buffered).toBeLessThan(maxBytes + 10_000);
  expect(await registry.metrics()).toContain(`in_flight_bytes{place="batches"} ${bytesInFlight.batches}`);
  await front.fault(null);
  await consumer.caughtUp();
  expect((await storedIds()).length).toBe(1_000);
  await vi.waitUntil(async () => (await consumer.status()).bytesInFlight.batches === 0);
});
