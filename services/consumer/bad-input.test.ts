import { beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import {
  json,
  mappersOf,
  type StoredLetter,
  startTestConsumer,
  storedEvents,
  storedLetters,
  TOPICS,
  viewOf,
} from "../../test/fixtures/consumer.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import type { TopicSpec } from "../activity/index.ts";
import type { OutgoingRecord } from "../activity-log/index.ts";
import type { Consumer } from "./index.ts";

/** Valid, and leads to nothing that the records have. */
const NOWHERE: TopicSpec = {
  name: "nowhere",
  record: "Event",
  event: "view",
  mapping: { fields: { eventId: "id", userId: "user", itemId: "basket.product.sku" } },
};

const text = (value: string): Buffer => Buffer.from(value);
const own = (fields: object): Buffer => text(JSON.stringify(viewOf("bad", fields)));
const click = (fields: object): Buffer =>
  text(
    JSON.stringify({
      click_id: "bad",
      user_id: "ann",
      product_id: "teapot",
      datetime_occured: "2026-01-05 10:00:00.000",
      ...fields,
    }),
  );

interface Case {
  readonly name: string;
  readonly topic: string;
  readonly value: Buffer;
  readonly reason: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly timestamp?: number;
}

const CASES: readonly Case[] = [
  { name: "no JSON", topic: "shop.events", value: text('{"eventId": "x", '), reason: "malformed_json" },
  { name: "nothing at all", topic: "shop.events", value: text(""), reason: "malformed_json" },
  { name: "no UTF-8", topic: "shop.events", value: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), reason: "malformed_json" },
  { name: "UTF-16", topic: "shop.events", value: Buffer.from('{"a":1}', "utf16le"), reason: "invalid_character" },
  { name: "NUL bytes", topic: "shop.events", value: Buffer.alloc(64), reason: "invalid_character" },
  { name: "too deep", topic: "shop.events", value: text("[".repeat(500_000)), reason: "malformed_json" },
  { name: "an array", topic: "shop.events", value: text("[1, 2]"), reason: "not_an_object" },
  { name: "null", topic: "clicks", value: text("null"), reason: "not_an_object" },
  { name: "no user", topic: "clicks", value: click({ user_id: null }), reason: "field_missing", path: "user_id" },
  { name: "no item", topic: "shop.events", value: own({ itemId: undefined }), reason: "field_missing", path: "itemId" },
  { name: "no name", topic: "shop.events", value: own({ event: "" }), reason: "field_missing", path: "event" },
  {
    name: "no time",
    topic: "clicks",
    value: click({ datetime_occured: undefined }),
    reason: "field_missing",
    path: "datetime_occured",
  },
  { name: "an object for an id", topic: "shop.events", value: own({ userId: { id: 1 } }), reason: "field_type" },
  { name: "words for a price", topic: "clicks", value: click({ price: "cheap" }), reason: "field_type", path: "price" },
  { name: "a price below 0", topic: "shop.events", value: own({ price: -0.01 }), reason: "field_type" },
  { name: "half a piece", topic: "shop.events", value: own({ quantity: 0.5 }), reason: "field_type" },
  { name: "a list for properties", topic: "shop.events", value: own({ properties: [1] }), reason: "field_type" },
  {
    name: "10 MB",
    topic: "clicks",
    value: click({ url: "x".repeat(10_000_000) }),
    reason: "record_too_large",
  },
  {
    name: "1970",
    topic: "clicks",
    value: click({ datetime_occured: "1970-01-01 00:00:00.000" }),
    reason: "time_out_of_range",
    path: "datetime_occured",
  },
  {
    name: "2100",
    topic: "shop.events",
    value: own({ occurredAt: "2100-01-01T00:00:00Z" }),
    reason: "time_out_of_range",
  },
  { name: "seconds", topic: "shop.events", value: own({ occurredAt: 1_767_225_600 }), reason: "time_out_of_range" },
  {
    name: "a time in words",
    topic: "clicks",
    value: click({ datetime_occured: "yesterday" }),
    reason: "time_unparsable",
    path: "datetime_occured",
  },
  { name: "NUL in an id", topic: "clicks", value: click({ user_id: "a\0b" }), reason: "invalid_character" },
  {
    name: "half a surrogate pair",
    topic: "shop.events",
    value: text('{"eventId":"bad","event":"view","userId":"ann","itemId":"\\ud83d"}'),
    reason: "invalid_character",
  },
  {
    name: "half a surrogate pair in a name",
    topic: "shop.events",
    value: text('{"eventId":"bad","event":"view","userId":"ann","itemId":"cup","properties":{"\\ud83d":"x"}}'),
    reason: "invalid_character",
  },
  {
    name: "half a surrogate pair among the names of a record that lacks a field",
    topic: "shop.events",
    value: text('{"eventId":"bad","event":"view","userId":"ann","\\ud83d":1}'),
    reason: "field_missing",
  },
  {
    name: "an id of 10,000 characters",
    topic: "clicks",
    value: click({ click_id: "9".repeat(10_000) }),
    reason: "field_too_long",
    path: "click_id",
  },
  {
    name: "a mapping that points nowhere",
    topic: "nowhere",
    value: text('{"id":"bad","user":"ann","sku":"teapot"}'),
    reason: "field_missing",
    path: "basket.product.sku",
  },
  { name: "an item without id", topic: "shop.items", value: text('{"name":"Teapot"}'), reason: "field_missing" },
  {
    name: "an item with a bad price",
    topic: "shop.items",
    value: text('{"itemId":"x","price":"?"}'),
    reason: "field_type",
  },
  { name: "a user without id", topic: "shop.users", value: text('{"plan":"gold"}'), reason: "field_missing" },
  {
    name: "headers that no table can hold",
    topic: "shop.events",
    value: text("{"),
    headers: { "productmatcher-record-id": "a\ud800", "\udc00\ud800": "\ud800" },
    reason: "malformed_json",
  },
  {
    name: "a log time of another age",
    topic: "shop.events",
    value: text(JSON.stringify(viewOf("bad"))),
    timestamp: Number.MAX_SAFE_INTEGER,
    reason: "time_out_of_range",
  },
  {
    name: "a log time before 1970",
    topic: "shop.events",
    value: text(JSON.stringify(viewOf("bad"))),
    timestamp: -62_135_596_800_000,
    reason: "time_out_of_range",
  },
];

const goodClick = (id: string) => ({
  click_id: id,
  user_id: "ann",
  product_id: "teapot",
  price: "9.99",
  datetime_occured: "2026-01-05 10:00:00.000",
});

/** Where each case's record is in the log. */
const places = new Map<string, { readonly topic: string; readonly offset: string }>();
const expectedEvents: string[] = [];
let letters: readonly StoredLetter[];
let events: Awaited<ReturnType<typeof storedEvents>>;
let status: Awaited<ReturnType<Consumer["status"]>>;
let items: readonly unknown[];

beforeAll(async () => {
  const clickhouse = await migratedDatabase();
  const log = await temporaryLog();
  const byTopic = new Map<string, OutgoingRecord[]>();
  const add = (topic: string, record: OutgoingRecord) => {
    const records = byTopic.get(topic) ?? [];
    byTopic.set(topic, records);
    // One key, so one partition: the offset is the place in this list.
    records.push({ ...record, key: "ann" });
    return records.length - 1;
  };
  for (const [index, { name, topic, value, headers, timestamp }] of CASES.entries()) {
    add("shop.events", json(viewOf(`event-${index}`)));
    add("clicks", json(goodClick(`click-${index}`)));
    add("shop.items", json({ itemId: `item-${index}`, name: `Item ${index}` }));
    expectedEvents.push(`event-${index}`, `click-${index}`);
    const record = {
      key: "ann",
      value,
      ...(headers === undefined ? {} : { headers }),
      ...(timestamp === undefined ? {} : { timestamp }),
    };
    places.set(name, { topic, offset: String(add(topic, record)) });
  }
  for (const [topic, records] of byTopic) await log.append(topic, records);
  const consumer = await startTestConsumer({ log, clickhouse, mappers: mappersOf([...TOPICS, NOWHERE]) });
  await consumer.caughtUp();
  status = await consumer.status();
  letters = await storedLetters(clickhouse);
  events = await storedEvents(clickhouse);
  items = await clickhouse.query("SELECT item_id FROM items FINAL");
  await consumer.close();
  await log.close();
  await clickhouse.close();
});

describe("bad input among good", () => {
  test.each(CASES)("$name: dead letter $reason, with its place and its bytes", ({ name, value, reason, path }) => {
    const place = places.get(name);
    const letter = letters.find(({ topic, offset }) => topic === place?.topic && offset === place.offset);
    expect(letter).toMatchObject({ reason, resolved: false, key: "ann" });
    if (path !== undefined) expect(letter?.path).toBe(path);
    expect(letter?.message).not.toBe("");
    expect(letter?.message.length).toBeLessThan(2_000);
    expect(Buffer.compare(Buffer.from(letter?.valueBase64 ?? "", "base64"), value)).toBe(0);
  });

  test("there is one dead letter for each, and none for a good record", () => {
    expect(letters).toHaveLength(CASES.length);
    expect(status).toMatchObject({
      state: "Running",
      lag: 0,
      stored: expectedEvents.length,
      deadLetters: CASES.length,
    });
  });

  test("every good record is stored", () => {
    expect(events.map((row) => row.event_id)).toEqual([...expectedEvents].sort());
    expect(items).toHaveLength(CASES.length);
  });
});
