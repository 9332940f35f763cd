import { PGlite } from "@electric-sql/pglite";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import {
  json,
  linesLogger,
  startTestConsumer,
  storedEvents,
  storedLetters,
  viewOf,
} from "../../test/fixtures/consumer.ts";
import { SIGNALS_TOPIC, temporaryLog } from "../../test/fixtures/recommender.ts";
import { decodeSignals } from "../activity/signals.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import type { PartitionLag } from "../activity-log/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { cachedLookup, tableLookup } from "./enrichment/index.ts";
import { type Consumer, type ConsumerOptions, consumerMetrics } from "./index.ts";
import { DEAD_LETTER_HEADER } from "./prepare.ts";

const HOUR = 3_600_000;

let clickhouse: ClickHouse;
let log: EmbeddedLog;
const consumers: Consumer[] = [];

beforeEach(async () => {
  clickhouse = await migratedDatabase();
  log = await temporaryLog();
});

afterEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.close();
  await log.close();
  await clickhouse.close();
});

async function start(options: Partial<ConsumerOptions> = {}): Promise<Consumer> {
  const consumer = await startTestConsumer({ log, clickhouse, ...options });
  consumers.push(consumer);
  return consumer;
}

/** Takes a table away for real, so that ClickHouse refuses what needs it. */
const takeAway = (table: string) => clickhouse.command(`RENAME TABLE ${table} TO ${table}_away`);
const bringBack = (table: string) => clickhouse.command(`RENAME TABLE ${table}_away TO ${table}`);

/** What the group has committed, seen from outside. */
async function committed(topic: string): Promise<readonly PartitionLag[]> {
  const subscription = await log.subscribe({ group: "shop", topics: [topic], startFrom: "Earliest" });
  const positions = await subscription.lag();
  await subscription.close();
  return positions;
}

async function signals() {
  const tail = await log.subscribe({ group: null, topics: [SIGNALS_TOPIC], startFrom: "Earliest" });
  const records = await tail.poll({ maxRecords: 1_000, maxBytes: 1e8, waitMilliseconds: 0 });
  await tail.close();
  return records.flatMap((record) => decodeSignals(record.value).signals);
}

function ids(rows: readonly { readonly event_id: string }[]): string[] {
  return rows.map((row) => row.event_id);
}

describe("consumer", () => {
  test("stores what the log holds, tells the recommenders, commits, and says so", async () => {
    await log.append("shop.events", [
      json(viewOf("v1")),
      json(viewOf("v2", { userId: "bob" }), "bob"),
      json({ eventId: "s1", event: "search", userId: "ann" }),
    ]);
    await log.append("shop.items", [json({ itemId: "teapot", name: "Teapot" })]);
    await log.append("shop.users", [json({ userId: "ann", plan: "gold" })]);
    await log.append("clicks", [json("no object")]);
    const consumer = await start();
    await consumer.caughtUp();
    expect(ids(await storedEvents(clickhouse))).toEqual(["s1", "v1", "v2"]);
    expect(await clickhouse.query("SELECT name FROM items FINAL")).toEqual([{ name: "Teapot" }]);
    expect(await clickhouse.query("SELECT attributes FROM users FINAL")).toEqual([{ attributes: { plan: "gold" } }]);
    expect(await consumer.status()).toMatchObject({ state: "Running", lag: 0, stored: 3, deadLetters: 1 });
    // A search concerns no item: it changes no recommendation.
    expect((await signals()).map((signal) => signal.eventId).sort()).toEqual(["v1", "v2"]);
    await consumer.close();
    expect(await consumer.status()).toMatchObject({ state: "Stopped", lag: null });
    await expect(consumer.ended).resolves.toBeUndefined();
    expect((await committed("shop.events")).every(({ offset, endOffset }) => offset === endOffset)).toBe(true);
  });

  test("goes on where it stopped", async () => {
    await log.append("shop.events", [json(viewOf("v1"))]);
    const first = await start();
    await first.caughtUp();
    await first.close();
    await log.append("shop.events", [json(viewOf("v2"))]);
    const second = await start();
    await second.caughtUp();
    expect(await second.status()).toMatchObject({ stored: 1 });
    expect(ids(await storedEvents(clickhouse))).toEqual(["v1", "v2"]);
  });

  test("absorbs repeats: the same id sent again, and a whole log read again, change no count; the newest content holds", async () => {
    await log.append("shop.events", [json(viewOf("v1")), json(viewOf("v1")), json(viewOf("v2"))]);
    const first = await start();
    await first.caughtUp();
    await log.append("shop.events", [json(viewOf("v2", { event: "click" }))]);
    await first.caughtUp();
    expect((await first.status()).stored).toBe(3);
    await first.close();
    const again = await start({ group: "another" });
    await again.caughtUp();
    expect(await storedEvents(clickhouse)).toMatchObject([
      { event_id: "v1", event: "view" },
      { event_id: "v2", event: "click" },
    ]);
  });

  test("caughtUp means what is in the log at the call: it does not wait for what comes later", async () => {
    await log.append("shop.events", [json(viewOf("v1"))]);
    const consumer = await start({ batch: { maxRecords: 5, maxBytes: 1e6 } });
    let sent = 0;
    let pouring = true;
    const pour = async () => {
      while (pouring) await log.append("shop.events", [json(viewOf(`later${sent++}`))]);
    };
    const poured = pour();
    await consumer.caughtUp();
    pouring = false;
    await poured;
    expect(ids(await storedEvents(clickhouse))).toContain("v1");
  });

  test("counts records, events, repeats and dead letters by reason, and what waits", async () => {
    const registry = new Registry();
    await log.append("shop.events", [json(viewOf("v1")), json({}), json(viewOf("v2")), json(viewOf("v1"))]);
    const consumer = await start({ metrics: consumerMetrics(registry) });
    await consumer.caughtUp();
    const text = await registry.metrics();
    expect(text).toContain("productmatcher_consumer_records_total 4");
    expect(text).toContain("productmatcher_consumer_events_stored_total 2");
    expect(text).toContain("productmatcher_consumer_duplicate_events_total 1");
    expect(text).toMatch(/consumer_lag_records\{topic="shop\.events",partition="\d+"\} 0/);
    expect(text).toMatch(/consumer_lag_seconds\{topic="shop\.events",partition="\d+"\} 0/);
    expect(text).toMatch(/consumer_batch_records_sum 4/);
    expect(text).toContain('productmatcher_consumer_dead_letters_total{reason="field_missing"} 1');
  });
});

describe("attribution is counted", () => {
  const AT = "2026-03-01T10:00:00.000Z";
  const minutesLater = (minutes: number) => ({ occurredAt: new Date(Date.parse(AT) + minutes * 60_000).toISOString() });
  const buy = (eventId: string, minutes: number, fields: object = {}) =>
    json(viewOf(eventId, { event: "purchase", ...minutesLater(minutes), ...fields }));
  const view = (eventId: string, minutes: number, fields: object = {}) =>
    json(viewOf(eventId, { ...minutesLater(minutes), ...fields }));
  let registry: Registry;
  let consumer: Consumer;

  beforeEach(async () => {
    registry = new Registry();
    consumer = await start({ metrics: consumerMetrics(registry) });
  });

  /** Batch by batch, what was counted in all: found, none, corrected. */
  async function countedAfter(...records: Parameters<typeof log.append>[1]): Promise<number[]> {
    await log.append("shop.events", records);
    await consumer.caughtUp();
    const text = await registry.metrics();
    return ["found", "none", "corrected"].map((outcome) =>
      Number(new RegExp(`consumer_attributions_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1]),
    );
  }

  test("by whether a touch earned the conversion, of the same batch or an earlier one", async () => {
    expect(await countedAfter(view("v1", 0), buy("p1", 10), buy("p2", 10, { itemId: "cup" }))).toEqual([1, 1, 0]);
    expect(await countedAfter(buy("p3", 20))).toEqual([2, 1, 0]);
    // The window is an hour.
    expect(await countedAfter(buy("p4", 61))).toEqual([2, 2, 0]);
  });

  test("again where a touch comes late, and not where it changes nothing", async () => {
    expect(await countedAfter(buy("p1", 10), buy("p2", 90))).toEqual([0, 2, 0]);
    expect(await countedAfter(view("v1", 5))).toEqual([0, 2, 1]);
    expect(await countedAfter(view("earlier", 0))).toEqual([0, 2, 2]);
    expect(await countedAfter(view("between", 3), view("v1", 5), view("afterwards", 11))).toEqual([0, 2, 2]);
    expect(await countedAfter(view("other", 4, { userId: "bob" }), view("cup", 4, { itemId: "cup" }))).toEqual([
      0, 2, 2,
    ]);
  });

  test("with the touches of a visitor that signs in", async () => {
    await countedAfter(view("v1", 0, { userId: "", anonymousId: "phone" }));
    expect(await countedAfter(buy("p1", 10, { anonymousId: "phone" }))).toEqual([1, 0, 0]);
  });
});

describe("a row that ClickHouse refuses", () => {
  beforeEach(() => clickhouse.command("ALTER TABLE events ADD CONSTRAINT no_tests CHECK item_id != 'test'"));

  test("becomes a dead letter with the server's own message; the rest of the batch is stored", async () => {
    const bad = json(viewOf("bad", { itemId: "test" }));
    await log.append("shop.events", [json(viewOf("v1")), bad, json(viewOf("v2"))]);
    const consumer = await start();
    await consumer.caughtUp();
    expect(ids(await storedEvents(clickhouse))).toEqual(["v1", "v2"]);
    const [letter, ...others] = await storedLetters(clickhouse);
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ reason: "insert_refused", topic: "shop.events", offset: "1", resolved: false });
    expect(letter?.message).toContain("no_tests");
    expect(Buffer.from(letter?.valueBase64 ?? "", "base64")).toEqual(bad.value);
    expect(await consumer.status()).toMatchObject({ stored: 2, deadLetters: 1, lag: 0 });
  });

  test("stays open when it is sent through again and refused again", async () => {
    const headers = { [DEAD_LETTER_HEADER]: "replay", "productmatcher-record-id": "shop.events/9/9" };
    await log.append("shop.events", [{ ...json(viewOf("bad", { itemId: "test" })), headers }]);
    const consumer = await start();
    await consumer.caughtUp();
    expect(await storedLetters(clickhouse)).toMatchObject([{ id: "shop.events/9/9", resolved: false }]);
  });

  test("an item that is refused becomes a dead letter, too", async () => {
    await clickhouse.command("ALTER TABLE items ADD CONSTRAINT named CHECK name != ''");
    await log.append("shop.items", [json({ itemId: "a", name: "Teapot" }), json({ itemId: "b" })]);
    const consumer = await start();
    await consumer.caughtUp();
    expect(await clickhouse.query("SELECT item_id FROM items FINAL")).toEqual([{ item_id: "a" }]);
    expect(await storedLetters(clickhouse)).toMatchObject([
      { reason: "insert_refused", topic: "shop.items", offset: "1" },
    ]);
  });
});

describe("while ClickHouse fails", () => {
  test.each(["events", "attributed_checkouts", "dead_letters", "items"])(
    "(%s is away) nothing is committed, not of a later batch either; afterwards nothing is lost or doubled",
    async (table) => {
      const { logger, lines } = linesLogger("warn");
      await takeAway(table);
      const consumer = await start({ batch: { maxRecords: 2, maxBytes: 1e6 }, logger });
      // One key: all of these are in one partition, in this order.
      await log.append("shop.events", [
        json(viewOf("v1")),
        json({}),
        json(viewOf("p1", { event: "purchase" })),
        json(viewOf("v2")),
        json(viewOf("v3")),
      ]);
      await log.append("shop.items", [json({ itemId: "teapot", name: "Teapot" })]);
      await vi.waitUntil(async () => (await consumer.status()).state === "Retrying", { timeout: 5_000 });
      // What fails first depends on the batch: from there on nothing is committed.
      const stuck = await consumer.status();
      expect(stuck.problem).toContain(table);
      await vi.waitUntil(() => lines.length >= 2, { timeout: 5_000 });
      expect((await consumer.status()).lag).toBe(stuck.lag);
      expect(stuck.lag).toBeGreaterThan(0);
      await bringBack(table);
      await consumer.caughtUp();
      expect(ids(await storedEvents(clickhouse))).toEqual(["p1", "v1", "v2", "v3"]);
      expect(await storedLetters(clickhouse)).toHaveLength(1);
      expect(await clickhouse.query("SELECT name FROM items FINAL")).toEqual([{ name: "Teapot" }]);
      expect(
        await clickhouse.query("SELECT checkout_id, first_touch.2 AS touch FROM attributed_checkouts FINAL"),
      ).toEqual([{ checkout_id: "p1", touch: expect.stringMatching(/^v|^$/) }]);
      const status = await consumer.status();
      expect(status).toMatchObject({ state: "Running", lag: 0, deadLetters: 1 });
      expect(status).not.toHaveProperty("problem");
    },
  );

  test("the first batch of a partition holds back those behind it", async () => {
    await takeAway("events");
    const consumer = await start({ batch: { maxRecords: 1, maxBytes: 1e6 } });
    await log.append(
      "shop.events",
      Array.from({ length: 5 }, (_, index) => json(viewOf(`v${index}`))),
    );
    await vi.waitUntil(async () => (await consumer.status()).state === "Retrying");
    await consumer.close();
    expect((await committed("shop.events")).map(({ offset }) => offset)).toEqual([0, 0]);
    await bringBack("events");
    const next = await start();
    await next.caughtUp();
    expect(ids(await storedEvents(clickhouse))).toEqual(["v0", "v1", "v2", "v3", "v4"]);
  });

  test("close ends it at once, uncommitted", async () => {
    await takeAway("events");
    const consumer = await start();
    await log.append("shop.events", [json(viewOf("v1"))]);
    await vi.waitUntil(async () => (await consumer.status()).state === "Retrying");
    const caughtUp = consumer.caughtUp();
    caughtUp.catch(() => {});
    const started = performance.now();
    await consumer.close();
    expect(performance.now() - started).toBeLessThan(2_000);
    await expect(caughtUp).rejects.toThrow("stopped before");
    expect((await consumer.status()).state).toBe("Stopped");
  });

  test("the recommenders are told once, not again with every try", async () => {
    const { logger, lines } = linesLogger("warn");
    await takeAway("events");
    const consumer = await start({ logger });
    await log.append("shop.events", [json(viewOf("v1"))]);
    await vi.waitUntil(() => lines.length >= 3, { timeout: 5_000 });
    await bringBack("events");
    await consumer.caughtUp();
    expect(await signals()).toHaveLength(1);
  });

  test("each try is logged in one short line that names the error, without stacks or causes", async () => {
    const { logger, lines } = linesLogger("warn");
    await takeAway("events");
    await start({ logger });
    await log.append("shop.events", [json(viewOf("v1"))]);
    await vi.waitUntil(() => lines.some((line) => line.records === 1));
    const line = lines.find(({ records }) => records === 1);
    expect(line).toMatchObject({
      err: { type: expect.any(String), code: "60", message: expect.stringContaining("events") },
      retryMilliseconds: 200,
      records: 1,
    });
    expect(JSON.stringify(line).length).toBeLessThan(600);
  });

  test("an end that cannot be retried is said: the log is gone", async () => {
    const { logger, lines } = linesLogger("fatal");
    const consumer = await start({ logger });
    await log.append("shop.events", [json(viewOf("v1"))]);
    await consumer.caughtUp();
    const other = await temporaryLog();
    await log.close();
    log = other;
    await vi.waitUntil(async () => (await consumer.status()).state !== "Running", { timeout: 5_000 });
    expect(await consumer.status()).toMatchObject({ state: "Failed", lag: null, problem: expect.any(String) });
    await expect(consumer.ended).rejects.toThrow();
    await expect(consumer.caughtUp()).rejects.toThrow();
    expect(lines).toHaveLength(1);
  });
});

describe("enrichment", () => {
  let postgres: PGlite;
  let away: boolean;
  let time: number;

  beforeAll(async () => {
    postgres = await PGlite.create();
    await postgres.exec(`
      CREATE TABLE users (id text PRIMARY KEY, username text, password text);
      INSERT INTO users VALUES ('ann', 'Ann Example', 'secret');
      CREATE TABLE products (id text PRIMARY KEY, name text);
      INSERT INTO products VALUES ('teapot', 'Teapot');`);
  });
  afterAll(() => postgres.close());
  beforeEach(() => {
    away = false;
    time = Date.now();
  });

  /** As the pipeline has it; `away` makes the source not answer, as a server that is being restarted. */
  function attributes() {
    const query = async (sql: string, parameters: unknown[]) => {
      if (away) throw Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
      return postgres.query(sql, parameters);
    };
    const lookup = (table: string, columns: Record<string, string>) =>
      cachedLookup(tableLookup({ query }, { table, key: "id", columns }), {
        refreshSeconds: 60,
        missSeconds: 5,
        maxEntries: 100,
        now: () => performance.now(),
      });
    return { users: lookup("users", { username: "username" }), items: lookup("products", { name: "name" }) };
  }

  test("puts the user's name and the item's attributes into the event and the checkout", async () => {
    await log.append("shop.events", [
      json(viewOf("v1")),
      json(viewOf("v2", { userId: "nobody", itemId: "nothing" })),
      json(viewOf("p1", { event: "purchase" })),
    ]);
    const consumer = await start({ attributes: attributes() });
    await consumer.caughtUp();
    const ann = { user_attributes: { username: "Ann Example" }, item_attributes: { name: "Teapot" }, enriched: true };
    expect(await storedEvents(clickhouse)).toMatchObject([
      { event_id: "p1", ...ann },
      { event_id: "v1", ...ann },
      { event_id: "v2", user_attributes: {}, item_attributes: {}, enriched: true },
    ]);
    expect(await clickhouse.query("SELECT checkout_id, user_attributes FROM attributed_checkouts FINAL")).toEqual([
      { checkout_id: "p1", user_attributes: { username: "Ann Example" } },
    ]);
  });

  test("Complete: stored without attributes while the source is away, filled in once it is back, under traffic too", async () => {
    away = true;
    const occurredAt = Date.now() - HOUR;
    const consumer = await start({ attributes: attributes(), now: () => time });
    await log.append("shop.events", [
      json(viewOf("v1", { occurredAt })),
      json(viewOf("p1", { event: "purchase", occurredAt: occurredAt + 1_000, price: 12.5 })),
    ]);
    await consumer.caughtUp();
    expect(await storedEvents(clickhouse)).toMatchObject([
      { event_id: "p1", user_attributes: {}, enriched: false },
      { event_id: "v1", user_attributes: {}, enriched: false },
    ]);
    away = false;
    // The clock of the consumer: more than the time between two looks has passed.
    time += 60_000;
    let number = 0;
    await vi.waitUntil(
      async () => {
        await log.append("shop.events", [json(viewOf(`more${number++}`))]);
        return (await storedEvents(clickhouse)).every((row) => row.enriched);
      },
      { timeout: 5_000 },
    );
    const checkout = {
      checkout_id: "p1",
      user_attributes: { username: "Ann Example" },
      price: "12.5",
      touch: "v1",
    };
    const checkouts =
      "SELECT checkout_id, user_attributes, price, first_touch.2 AS touch FROM attributed_checkouts FINAL";
    expect(await clickhouse.query(checkouts)).toEqual([checkout]);
    // A late click answers the checkout again: it must not bring the old attributes back.
    await log.append("shop.events", [json(viewOf("v0", { occurredAt: occurredAt - 1_000 }))]);
    await consumer.caughtUp();
    expect(await clickhouse.query(checkouts)).toEqual([{ ...checkout, touch: "v0" }]);
    expect((await storedEvents(clickhouse)).map((row) => row.event_id)).toEqual(
      ["p1", "v0", "v1", ...Array.from({ length: number }, (_, index) => `more${index}`)].sort(),
    );
  });

  test("Complete: what an earlier run left is filled in after a start", async () => {
    away = true;
    await log.append("shop.events", [json(viewOf("v1"))]);
    const first = await start({ attributes: attributes() });
    await first.caughtUp();
    await first.close();
    away = false;
    await start({ attributes: attributes() });
    await vi.waitUntil(async () => (await storedEvents(clickhouse))[0]?.enriched === true, { timeout: 5_000 });
    expect(await storedEvents(clickhouse)).toMatchObject([{ user_attributes: { username: "Ann Example" } }]);
  });

  test("Wait: holds the batch while the source is away, and goes on when it is back", async () => {
    away = true;
    const consumer = await start({ attributes: attributes(), onEnrichmentFailure: "Wait" });
    await log.append("shop.events", [json(viewOf("v1"))]);
    await vi.waitUntil(async () => (await consumer.status()).state === "Retrying");
    expect(await consumer.status()).toMatchObject({ problem: "connection refused", lag: 1, stored: 0 });
    expect(await storedEvents(clickhouse)).toEqual([]);
    away = false;
    await consumer.caughtUp();
    expect(await storedEvents(clickhouse)).toMatchObject([
      { user_attributes: { username: "Ann Example" }, enriched: true },
    ]);
  });
});
