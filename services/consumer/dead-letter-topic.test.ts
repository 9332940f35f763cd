import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import {
  DEAD_LETTERS_TOPIC,
  json,
  mappersOf,
  startTestConsumer,
  storedEvents,
  storedLetters,
  TOPICS,
  viewOf,
} from "../../test/fixtures/consumer.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import type { ActivityLog, LogRecord } from "../activity-log/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { mendDeadLetter, replayDeadLetters, replayFromTopic } from "./index.ts";

const RECORDED = Date.UTC(2026, 0, 5, 10);
/** A number where its mapping reads text; the mended mapping reads it. */
const FAULTY = {
  name: "orders",
  record: "Event",
  event: "purchase",
  mapping: { fields: { userId: "u", itemId: "i" } },
} as const;
const MENDED = { ...FAULTY, mapping: { fields: { userId: "user", itemId: "item" } } } as const;

let clickhouse: ClickHouse;
let log: EmbeddedLog;

beforeEach(async () => {
  clickhouse = await migratedDatabase();
  log = await temporaryLog();
});
afterEach(async () => {
  await log.close();
  await clickhouse.close();
});

/** Reads all that is in the log, by this mapping of the orders. */
async function consume(orders: typeof FAULTY | typeof MENDED = FAULTY, into = clickhouse): Promise<void> {
  const consumer = await startTestConsumer({ log, clickhouse: into, mappers: mappersOf([...TOPICS, orders]) });
  await consumer.caughtUp();
  await consumer.close();
}

async function recordsOf(topic: string): Promise<readonly LogRecord[]> {
  const tail = await log.subscribe({ group: null, topics: [topic], startFrom: "Earliest" });
  const records = await tail.poll({ maxRecords: 10_000, maxBytes: 1e9, waitMilliseconds: 0 });
  await tail.close();
  return records;
}

const order = (user: string) => ({
  ...json({ user, item: "teapot" }, user),
  headers: { origin: "shop" },
  timestamp: RECORDED,
});

describe("the topic of dead letters", () => {
  test("has each record as it was, and in headers what is wrong with it and where it stood", async () => {
    await log.append("orders", [order("ann")]);
    await log.append("shop.events", [json(viewOf("good")), { key: null, value: Buffer.from([0xff]) }]);
    await consume();
    const letters = await recordsOf(DEAD_LETTERS_TOPIC);
    expect(letters).toHaveLength(2);
    const [stored] = await storedLetters(clickhouse);
    const letter = letters.find(({ key }) => key === "ann");
    expect(Buffer.from(letter?.value ?? []).toString()).toBe('{"user":"ann","item":"teapot"}');
    expect(letter?.headers).toEqual({
      origin: "shop",
      "productmatcher-record-id": stored?.id,
      "productmatcher-dead-letter-reason": "field_missing",
      "productmatcher-dead-letter-path": "u",
      "productmatcher-dead-letter-message": stored?.message,
      "productmatcher-dead-letter-topic": "orders",
      "productmatcher-dead-letter-partition": String(stored?.partition),
      "productmatcher-dead-letter-offset": stored?.offset,
      "productmatcher-dead-letter-time": String(RECORDED),
      "productmatcher-dead-letter-failed-at": expect.stringMatching(/^\d{13}$/),
    });
    expect(letters.find(({ key }) => key === null)?.value).toEqual(Uint8Array.of(0xff));
  });

  test("has the records, too, that ClickHouse refused", async () => {
    await clickhouse.command("ALTER TABLE events ADD CONSTRAINT no_ann CHECK user_id != 'ann'");
    await log.append("shop.events", [json(viewOf("a")), json(viewOf("b", { userId: "bob" }))]);
    await consume();
    expect(await recordsOf(DEAD_LETTERS_TOPIC)).toMatchObject([
      { headers: { "productmatcher-dead-letter-reason": "insert_refused" } },
    ]);
  });
});

describe("a replay from the topic", () => {
  test("brings back, under its identity and of its time, what a ClickHouse that was lost had", async () => {
    await log.append("orders", [order("ann"), order("bob")]);
    await consume();
    await clickhouse.close();
    clickhouse = await migratedDatabase();
    expect(await replayFromTopic(log, DEAD_LETTERS_TOPIC, {})).toEqual({ sent: 2, withoutValue: 0 });
    await consume(MENDED);
    const rows = await clickhouse.query(
      "SELECT user_id, toUnixTimestamp64Milli(occurred_at) AS at FROM activity ORDER BY 1",
    );
    expect(rows).toEqual([
      { user_id: "ann", at: `${RECORDED}` },
      { user_id: "bob", at: `${RECORDED}` },
    ]);
  });

  test("and another from ClickHouse count nothing twice", async () => {
    await log.append("orders", [order("ann"), order("bob")]);
    await consume();
    await replayDeadLetters(clickhouse, log, {});
    await replayFromTopic(log, DEAD_LETTERS_TOPIC, {});
    await replayFromTopic(log, DEAD_LETTERS_TOPIC, {});
    await consume(MENDED);
    expect(await storedEvents(clickhouse)).toHaveLength(2);
    expect(await storedLetters(clickhouse)).toMatchObject([{ resolved: true }, { resolved: true }]);
  });

  test("sends each once, however often it failed, by the reason of its last time", async () => {
    await log.append("orders", [order("ann"), { ...order("eve"), value: Buffer.from("{") }]);
    await consume();
    await replayFromTopic(log, DEAD_LETTERS_TOPIC, {});
    await consume();
    expect(await recordsOf(DEAD_LETTERS_TOPIC)).toHaveLength(4);
    const sent = async (filter: object) => (await replayFromTopic(log, DEAD_LETTERS_TOPIC, filter)).sent;
    expect(await sent({ reason: "field_missing" })).toBe(1);
    expect(await sent({ reason: "time_unparsable" })).toBe(0);
    expect(await sent({ topic: "clicks" })).toBe(0);
    expect(await sent({ topic: "orders" })).toBe(2);
    const [first] = await storedLetters(clickhouse);
    expect(await sent({ ids: [first?.id] })).toBe(1);
    const last = (await recordsOf("orders")).at(-1);
    expect(Object.keys(last?.headers ?? {}).sort()).toEqual([
      "origin",
      "productmatcher-dead-letter",
      "productmatcher-record-id",
      "productmatcher-record-time",
    ]);
  });

  test("leaves alone what is no dead letter", async () => {
    await log.append(DEAD_LETTERS_TOPIC, [json({ any: "thing" })]);
    expect(await replayFromTopic(log, DEAD_LETTERS_TOPIC, {})).toEqual({ sent: 0, withoutValue: 0 });
  });
});

describe("a replay that ends half way", () => {
  /** The broker refuses one topic. */
  const refusing = (topic: string): ActivityLog => ({
    ...log,
    append: (name, records) =>
      name === topic ? Promise.reject(new Error("not the leader")) : log.append(name, records),
  });

  test("says how many were sent before it failed; one that sent nothing fails as it did", async () => {
    await log.append("orders", [order("ann"), order("bob")]);
    await log.append("shop.events", [{ key: null, value: Buffer.from([0xff]) }]);
    await consume();
    await clickhouse.command(
      "ALTER TABLE dead_letters UPDATE recorded_at = now64(3) WHERE topic = 'shop.events' SETTINGS mutations_sync = 1",
    );
    await expect(replayDeadLetters(clickhouse, refusing("shop.events"), {})).rejects.toMatchObject({
      ...{ code: "replay_interrupted", sent: 2, matching: 3 },
      message: "2 of 3 records were sent through again, then it failed: not the leader",
    });
    await expect(replayDeadLetters(clickhouse, refusing("orders"), { topic: "orders" })).rejects.toThrow(
      /^not the leader$/,
    );
  });
});

describe("a dead letter that is mended", () => {
  const mended = Buffer.from(JSON.stringify({ u: "ann", i: "teapot" }));

  test("passes with its new bytes as the record that it was, of its time, and is resolved", async () => {
    await log.append("orders", [order("ann"), order("bob")]);
    await consume();
    const [letter] = await storedLetters(clickhouse);
    expect(await mendDeadLetter(clickhouse, log, letter?.id ?? "", mended)).toBe(true);
    await consume();
    expect(await clickhouse.query("SELECT user_id, toUnixTimestamp64Milli(occurred_at) AS at FROM activity")).toEqual([
      { user_id: "ann", at: `${RECORDED}` },
    ]);
    expect((await storedLetters(clickhouse)).filter(({ resolved }) => resolved)).toMatchObject([{ id: letter?.id }]);
  });

  test("that does not pass is open with its new bytes", async () => {
    await log.append("orders", [order("ann")]);
    await consume();
    const [letter] = await storedLetters(clickhouse);
    await mendDeadLetter(clickhouse, log, letter?.id ?? "", Buffer.from("{"));
    await consume();
    expect(await clickhouse.query("SELECT id, reason, value FROM dead_letters FINAL WHERE NOT resolved")).toEqual([
      { id: letter?.id, reason: "malformed_json", value: "{" },
    ]);
  });

  test("is not sent when it is resolved, or there is none", async () => {
    await log.append("orders", [order("ann")]);
    await consume();
    const [letter] = await storedLetters(clickhouse);
    await mendDeadLetter(clickhouse, log, letter?.id ?? "", mended);
    await consume();
    expect(await mendDeadLetter(clickhouse, log, letter?.id ?? "", mended)).toBe(false);
    expect(await mendDeadLetter(clickhouse, log, "orders/7/7", mended)).toBe(false);
    expect(await recordsOf("orders")).toHaveLength(2);
  });
});
