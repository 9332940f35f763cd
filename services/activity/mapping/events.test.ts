import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RECORD_ID_HEADER } from "../../activity-log/index.ts";
import type { ActivityEvent, RejectionReason } from "../event.ts";
import {
  compileTopic,
  type MappedRecord,
  type MappingSpec,
  type RawRecord,
  SEED_TOPICS,
  type TopicSpec,
} from "./index.ts";

const NOW = Date.UTC(2026, 0, 15, 12);
const RECORD_TIME = Date.UTC(2026, 0, 15, 11);
const OPTIONS = { privacy: { ipAddress: "Truncate", userAgent: "Family" }, attributes: [] } as const;
const utf8 = new TextEncoder();

function record(value: Uint8Array | string, over: Partial<RawRecord> = {}): RawRecord {
  const bytes = typeof value === "string" ? utf8.encode(value) : value;
  return { topic: "t", partition: 3, offset: 41, headers: {}, timestamp: RECORD_TIME, value: bytes, ...over };
}

function map(topic: TopicSpec, value: unknown, over: Partial<RawRecord> = {}): MappedRecord {
  return compileTopic(topic, OPTIONS).map(record(JSON.stringify(value), over), NOW);
}

function eventsOf({ activities }: MappedRecord): ActivityEvent[] {
  return activities.map((activity) => {
    if (activity.kind !== "event") throw new Error(`expected an event, got ${activity.kind}`);
    return activity.event;
  });
}

function mapped(mapping: MappingSpec, event: string | null = "view"): TopicSpec {
  return { name: "t", record: "Event", event: event ?? undefined, mapping };
}

const OWN: TopicSpec = { name: "t", record: "Event" };
const SIMPLE = mapped({
  fields: { eventId: "id", userId: "user", itemId: "item", price: "price", quantity: "n", url: "url" },
});
const ORDERS = mapped(
  {
    forEach: "order.lines",
    fields: { eventId: "/order/id", userId: "/buyer", itemId: "sku", quantity: "n", price: "unit" },
  },
  "purchase",
);

const CLICK = {
  click_id: "c1",
  user_id: "u1",
  product_id: "p1",
  product: "Blue mug",
  price: 12.5,
  url: "https://shop.example/p1",
  user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
  ip_address: "203.0.113.77",
  datetime_occured: "2025-05-06 07:08:09.123",
};

describe("the seed topics", () => {
  test("a click becomes a view", () => {
    const [clicks] = SEED_TOPICS;
    const result = map(clicks!, CLICK);
    expect(result.rejection).toBeNull();
    expect(eventsOf(result)).toEqual([
      {
        eventId: "c1",
        event: "view",
        userId: "u1",
        anonymousId: "",
        sessionId: "",
        itemId: "p1",
        occurredAt: Date.UTC(2025, 4, 6, 7, 8, 9, 123),
        price: 12.5,
        quantity: 1,
        currency: "",
        url: "https://shop.example/p1",
        referrer: "",
        userAgent: "Firefox/Linux",
        ipAddress: "203.0.113.0",
        properties: {},
      },
    ]);
  });

  test("a checkout becomes a purchase that keeps how it was paid and where it goes", () => {
    const checkouts = SEED_TOPICS[1]!;
    const result = map(checkouts, {
      checkout_id: 9,
      user_id: 7,
      product_id: "p1",
      payment_method: "card",
      total_amount: "25.00",
      shipping_address: "1 Main St",
      billing_address: "2 Main St",
      user_agent: null,
      ip_address: "",
      datetime_occured: "2025-05-06 07:08:09.123",
    });
    expect(result.rejection).toBeNull();
    expect(eventsOf(result)[0]).toMatchObject({
      eventId: "9",
      event: "purchase",
      userId: "7",
      price: 25,
      quantity: 1,
      userAgent: "",
      ipAddress: "",
      properties: { payment_method: "card", shipping_address: "1 Main St", billing_address: "2 Main St" },
    });
  });
});

describe("ProductMatcher's own JSON", () => {
  const whole: ActivityEvent = {
    eventId: "e1",
    event: "add_to_cart",
    userId: "u1",
    anonymousId: "a1",
    sessionId: "s1",
    itemId: "i1",
    occurredAt: Date.UTC(2025, 4, 6),
    price: 1.25,
    quantity: 2,
    currency: "EUR",
    url: "https://shop.example/",
    referrer: "https://search.example/",
    userAgent: "",
    ipAddress: "198.51.100.0",
    properties: { colour: "blue" },
  };

  test("an event reads back as it was written", () => {
    expect(eventsOf(map(OWN, whole))).toEqual([whole]);
  });

  test("times may be ISO 8601; without one the record's is taken", () => {
    const base = { event: "search", userId: "u" };
    expect(eventsOf(map(OWN, { ...base, occurredAt: "2025-05-06T00:00:00Z" }))[0]?.occurredAt).toBe(
      Date.UTC(2025, 4, 6),
    );
    expect(eventsOf(map(OWN, base))[0]?.occurredAt).toBe(RECORD_TIME);
  });

  test("properties keep any JSON: text as it is, the rest as JSON with all digits", () => {
    const text = `{"event":"search","userId":"u","properties":{"q":"mug","n":3,"on":true,"none":null,"empty":"","list":[1,"a"],
      "big":{"id":9007199254740993},"long":12345678901234567890,"__proto__":"own","a/b~c.d":"odd"}}`;
    const result = compileTopic(OWN, OPTIONS).map(record(text), NOW);
    expect(result.rejection).toBeNull();
    expect(Object.entries(eventsOf(result)[0]!.properties)).toEqual([
      ["q", "mug"],
      ["n", "3"],
      ["on", "true"],
      ["list", '[1,"a"]'],
      ["big", '{"id":"9007199254740993"}'],
      ["long", "12345678901234567890"],
      ["__proto__", "own"],
      ["a/b~c.d", "odd"],
    ]);
  });

  test("a topic with a fixed name is that event, whatever the record says", () => {
    expect(eventsOf(map({ ...OWN, event: "view" }, { ...whole, event: "purchase" }))[0]?.event).toBe("view");
  });

  test("any valid event survives the way through JSON", () => {
    const id = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
      .filter((text) => text.isWellFormed() && !text.includes("\0"));
    const text = fc.oneof(fc.constant(""), id);
    const events = fc.record({
      eventId: id,
      event: fc.constantFrom("view", "purchase", "refund", "search"),
      userId: id,
      anonymousId: text,
      sessionId: text,
      itemId: id,
      occurredAt: fc.integer({ min: Date.UTC(2000, 0, 1), max: NOW + 86_400_000 }),
      price: fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }).map((price) => price + 0)),
      quantity: fc.integer({ min: 1, max: 4_294_967_295 }),
      currency: fc.constantFrom("", "EUR", "USD"),
      url: text,
      referrer: text,
      userAgent: fc.constant(""),
      ipAddress: fc.constant(""),
      properties: fc.dictionary(id, id),
    });
    const mapper = compileTopic(OWN, OPTIONS);
    fc.assert(
      fc.property(events, fc.boolean(), (event, escapes) => {
        const json = JSON.stringify(event);
        const ascii = json.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
        const result = mapper.map(record(escapes ? ascii : json), NOW);
        expect(result.rejection).toBeNull();
        expect(eventsOf(result)).toEqual([{ ...event, properties: { ...event.properties } }]);
      }),
      { numRuns: 500 },
    );
  });
});

describe("ids", () => {
  const idOf = (json: string) => {
    const result = compileTopic(SIMPLE, OPTIONS).map(record(`{"user":${json},"item":"i"}`), NOW);
    return eventsOf(result)[0]?.userId ?? result.rejection?.reason;
  };

  test.each([
    ['"u"', "u"],
    ["7", "7"],
    ["1.0", "1"],
    ["1e3", "1000"],
    ["-0", "0"],
    ["9007199254740991", "9007199254740991"],
    ["9007199254740993", "9007199254740993"],
    ["-12345678901234567890123", "-12345678901234567890123"],
    ['"ü 🙂"', "ü 🙂"],
    ["1e30", "field_type"],
    ["1e400", "field_type"],
    ["1.5", "field_type"],
    ["true", "field_type"],
    ["{}", "field_type"],
    ["[]", "field_type"],
    ["null", "field_missing"],
    ['""', "field_missing"],
    ['"a\\u0000b"', "invalid_character"],
    ['"\\ud800"', "invalid_character"],
  ])("%s is read as %s", (json, expected) => {
    expect(idOf(json)).toBe(expected);
  });

  test("of lines keep their digits too", () => {
    const text = '{"order":{"id":9007199254740993,"lines":[{"sku":1},{"sku":9007199254740995}]},"buyer":"b"}';
    const events = eventsOf(compileTopic(ORDERS, OPTIONS).map(record(text), NOW));
    expect(events.map(({ eventId, itemId }) => [eventId, itemId])).toEqual([
      ["9007199254740993#0", "1"],
      ["9007199254740993#1", "9007199254740995"],
    ]);
  });

  test("without a mapped id, or where the record has none: the header's, else where the record stands in the log", () => {
    const value = { user: "u", item: "i" };
    expect(eventsOf(map(SIMPLE, value))[0]?.eventId).toBe("t/3/41");
    expect(eventsOf(map(SIMPLE, value, { headers: { [RECORD_ID_HEADER]: "file:7" } }))[0]?.eventId).toBe("file:7");
    expect(
      eventsOf(map(SIMPLE, { ...value, id: "own" }, { headers: { [RECORD_ID_HEADER]: "file:7" } }))[0]?.eventId,
    ).toBe("own");
    const lines = { order: { lines: [{ sku: "a" }, { sku: "b" }] }, buyer: "b" };
    expect(eventsOf(map(ORDERS, lines)).map(({ eventId }) => eventId)).toEqual(["t/3/41#0", "t/3/41#1"]);
  });

  test("a header that no column can store is a fault", () => {
    const value = { user: "u", item: "i" };
    expect(map(SIMPLE, value, { headers: { [RECORD_ID_HEADER]: "a\0" } }).rejection?.reason).toBe("invalid_character");
    expect(map(SIMPLE, value, { headers: { [RECORD_ID_HEADER]: "a".repeat(513) } }).rejection?.reason).toBe(
      "field_too_long",
    );
  });
});

describe("numbers", () => {
  test.each([
    [{ price: "12.50" }, { price: 12.5 }],
    [{ price: 0 }, { price: 0 }],
    [{ price: " 1e2 " }, { price: 100 }],
    [{ price: "" }, { price: null }],
    [{ n: "3" }, { quantity: 3 }],
    [{ n: 3.0 }, { quantity: 3 }],
    [{ n: null }, { quantity: 1 }],
  ])("%j is read as %j", (fields, expected) => {
    const result = map(SIMPLE, { user: "u", item: "i", ...fields });
    expect(result.rejection).toBeNull();
    expect(eventsOf(result)[0]).toMatchObject(expected);
  });

  test.each([
    { price: -1 },
    { price: 1e14 },
    { price: "12,50" },
    { price: "NaN" },
    { price: "Infinity" },
    { price: "0x10" },
    { price: true },
    { price: [1] },
    { n: 0 },
    { n: 1.5 },
    { n: -1 },
    { n: 5e9 },
    { n: "two" },
  ])("%j is a fault of type", (fields) => {
    const { activities, rejection } = map(SIMPLE, { user: "u", item: "i", ...fields });
    expect(activities).toEqual([]);
    expect(rejection).toMatchObject({ reason: "field_type", path: Object.keys(fields)[0] });
  });

  test("a price beyond every number is a fault of type", () => {
    const result = compileTopic(SIMPLE, OPTIONS).map(record('{"user":"u","item":"i","price":1e400}'), NOW);
    expect(result.rejection).toMatchObject({ reason: "field_type", path: "price" });
  });

  test("a purchase of a negative quantity is a refund of as many pieces", () => {
    const topic = mapped({ fields: { userId: "user", itemId: "item", event: "event", quantity: "n" } }, null);
    const event = (name: string, n: unknown) => eventsOf(map(topic, { user: "u", item: "i", event: name, n }))[0];
    expect(event("purchase", -2)).toMatchObject({ event: "refund", quantity: 2 });
    expect(event("refund", "-2")).toMatchObject({ event: "refund", quantity: 2 });
    expect(event("refund", 2)).toMatchObject({ event: "refund", quantity: 2 });
    expect(event("purchase", 2)).toMatchObject({ event: "purchase", quantity: 2 });
  });
});

describe("a refund without an item", () => {
  const own: TopicSpec = { name: "events", record: "Event" };
  const refund = { eventId: "r", event: "refund", userId: "ann" };

  test("takes back the order that it names", () => {
    const { activities, rejection } = map(own, { ...refund, properties: { order_id: 7 } });
    expect(rejection).toBeNull();
    expect(activities).toMatchObject([{ event: { event: "refund", itemId: "", properties: { order_id: "7" } } }]);
  });

  test("of a mapped topic, too", () => {
    const fields = { userId: "u", itemId: "i", "properties.order_id": "order" };
    const topic: TopicSpec = { name: "returns", record: "Event", event: "refund", mapping: { fields } };
    expect(map(topic, { u: "ann", order: "o-7" }).rejection).toBeNull();
    expect(map(topic, { u: "ann" }).rejection).toMatchObject({ reason: "field_missing", path: "i" });
  });

  test.each([
    ["no order", { ...refund, properties: { note: "?" } }],
    ["an order that is empty", { ...refund, properties: { order_id: "" } }],
    ["an order, but no refund", { ...refund, event: "purchase", properties: { order_id: "o-7" } }],
  ])("is refused with %s", (_name, value) => {
    expect(map(own, value).rejection).toMatchObject({ reason: "field_missing", path: "itemId" });
  });
});

describe("mapping", () => {
  test("event names are translated; one that is not listed stays itself", () => {
    const topic = mapped(
      {
        fields: { userId: "user", itemId: "item", event: "type" },
        eventNames: { "Product Viewed": "view", constructor: "click" },
      },
      null,
    );
    const name = (type: string) => eventsOf(map(topic, { user: "u", item: "i", type }))[0]?.event;
    expect(["Product Viewed", "constructor", "toString", "Wished"].map(name)).toEqual([
      "view",
      "click",
      "toString",
      "Wished",
    ]);
  });

  test("a constant stands where the record has nothing", () => {
    const topic = mapped({
      fields: { userId: "user", itemId: "item", currency: "cur" },
      constants: { currency: "EUR", "properties.shop": "north" },
    });
    const event = (cur: unknown) => eventsOf(map(topic, { user: "u", item: "i", cur }))[0];
    expect(event(undefined)).toMatchObject({ currency: "EUR", properties: { shop: "north" } });
    expect(event("usd")).toMatchObject({ currency: "USD" });
  });

  test("forEach makes one event a line, keeps good lines beside a bad one and names the first bad one", () => {
    const lines = [{ sku: "a", n: 1 }, { sku: "b", n: 0 }, { n: 1 }, { sku: "d", n: -4, unit: 2.5 }];
    const result = map(ORDERS, { order: { id: "o1", lines }, buyer: "b" });
    expect(eventsOf(result).map(({ eventId, event, itemId, quantity }) => [eventId, event, itemId, quantity])).toEqual([
      ["o1#0", "purchase", "a", 1],
      ["o1#3", "refund", "d", 4],
    ]);
    expect(result.rejection).toMatchObject({ reason: "field_type", path: "order.lines.1.n" });
  });

  test.each([
    [{ order: { id: "o" }, buyer: "b" }, "field_missing", "order.lines"],
    [{ order: { lines: null }, buyer: "b" }, "field_missing", "order.lines"],
    [{ order: { lines: "a,b" }, buyer: "b" }, "field_type", "order.lines"],
    [{ order: { lines: { sku: "a" } }, buyer: "b" }, "field_type", "order.lines"],
    [{ order: { lines: [7] }, buyer: "b" }, "not_an_object", "order.lines.0"],
    [{ order: { lines: [{ sku: "a" }] } }, "field_missing", "/buyer"],
  ])("lines in %j: %s at %s", (value, reason, path) => {
    expect(map(ORDERS, value)).toMatchObject({ activities: [], rejection: { reason, path } });
  });

  test("an order without lines is no activity and no fault", () => {
    expect(map(ORDERS, { order: { lines: [] }, buyer: "b" })).toEqual({ activities: [], rejection: null });
  });

  test("a line, or the whole record, may be the value itself", () => {
    const ids = mapped({ forEach: "items", fields: { userId: "/user", itemId: "." } });
    expect(eventsOf(map(ids, { user: "u", items: ["a", 7] })).map(({ itemId }) => itemId)).toEqual(["a", "7"]);
    const batch = mapped({ forEach: ".", fields: { eventId: "id", userId: "user", itemId: "item" } });
    expect(eventsOf(map(batch, [{ id: "x", user: "u", item: "i" }])).map(({ eventId }) => eventId)).toEqual(["x#0"]);
  });

  test("an id that the line's number makes too long is a fault", () => {
    const value = { order: { id: "o".repeat(511), lines: [{ sku: "a" }] }, buyer: "b" };
    expect(map(ORDERS, value).rejection).toMatchObject({ reason: "field_too_long", path: "/order/id" });
  });

  test("what privacy drops need not even be text", () => {
    const topic = mapped({ fields: { userId: "user", itemId: "item", userAgent: "ua", ipAddress: "ip" } });
    const value = utf8.encode('{"user":"u","item":"i","ua":{},"ip":true}');
    const dropping = compileTopic(topic, { privacy: { ipAddress: "Drop", userAgent: "Drop" }, attributes: [] });
    expect(dropping.map(record(value), NOW).rejection).toBeNull();
    expect(compileTopic(topic, OPTIONS).map(record(value), NOW).rejection?.path).toBe("ua");
  });
});

describe("bad input gets its reason", () => {
  const dated = mapped({
    fields: { eventId: "id", userId: "user", itemId: "item", "properties.note": "note" },
    occurredAt: { path: "at", format: "ISO8601", timeZone: "Etc/UTC" },
  });
  const good = { id: "e", user: "u", item: "i", at: "2025-05-06T07:08:09Z" };
  const bytes = (text: string) => utf8.encode(text);

  test.each<[string, Uint8Array, RejectionReason, string, RegExp]>([
    ["nothing at all", bytes(""), "malformed_json", "", /empty/],
    ["cut JSON", bytes('{"id":"e","user'), "malformed_json", "", /at position 1\d/],
    ["a trailing comma", bytes('{"id":"e",}'), "malformed_json", "", /at position 10/],
    ["a word", bytes("hello"), "malformed_json", "", /at position 0/],
    [
      "a bare word deep inside",
      bytes(`{"id":"${"x".repeat(300)}","user":nope}`),
      "malformed_json",
      "",
      /at position 317/,
    ],
    ["text after the end", bytes('{"id":"e"} x'), "malformed_json", "", /at position 11/],
    ["JSON that ends early", bytes('{"id":'), "malformed_json", "", /at position 6/],
    ["Latin-1", Uint8Array.of(0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d), "malformed_json", "", /UTF-8/],
    ["a number", bytes("7"), "not_an_object", "", /is 7/],
    ["an array", bytes("[1,2]"), "not_an_object", "", /array of 2/],
    ["null", bytes("null"), "not_an_object", "", /null/],
    ["a NUL byte", bytes('{"id":"a\0b"}'), "invalid_character", "", /U\+0000 at position 8/],
    ["UTF-16", new Uint8Array(Buffer.from('{"id":"e"}', "utf16le")), "invalid_character", "", /UTF-16/],
    ["a NUL escape", bytes(JSON.stringify({ ...good, user: "a\0b" })), "invalid_character", "user", /NUL/],
    [
      "10 MB",
      bytes(JSON.stringify({ ...good, note: "x".repeat(10_000_000) })),
      "record_too_large",
      "",
      /10,000,\d+ bytes/,
    ],
    [
      "an id of 10,000 characters",
      bytes(JSON.stringify({ ...good, item: "i".repeat(10_000) })),
      "field_too_long",
      "item",
      /512/,
    ],
    [
      "a property of 10,000 characters",
      bytes(JSON.stringify({ ...good, note: "n".repeat(10_000) })),
      "field_too_long",
      "note",
      /8192/,
    ],
    [
      "no item",
      bytes(JSON.stringify({ ...good, item: undefined })),
      "field_missing",
      "item",
      /the record has: id, user, at/,
    ],
    [
      "no user",
      bytes(JSON.stringify({ ...good, user: null })),
      "field_missing",
      "user",
      /the record has: id, user, item, at/,
    ],
    ["no time", bytes(JSON.stringify({ ...good, at: undefined })), "field_missing", "at", /occurredAt/],
    [
      "a user that is true",
      bytes(JSON.stringify({ ...good, user: true })),
      "field_type",
      "user",
      /true, expected text/,
    ],
    [
      "1970",
      bytes(JSON.stringify({ ...good, at: "1970-01-01T00:00:00Z" })),
      "time_out_of_range",
      "at",
      /1970.*2000-01-01 to 2026-01-16/,
    ],
    ["2100", bytes(JSON.stringify({ ...good, at: "2100-01-01T00:00:00Z" })), "time_out_of_range", "at", /2100/],
    [
      "no date",
      bytes(JSON.stringify({ ...good, at: "yesterday" })),
      "time_unparsable",
      "at",
      /"yesterday" is not ISO8601/,
    ],
    [
      "a date of another kind",
      bytes(JSON.stringify({ ...good, at: 1746515289 })),
      "time_unparsable",
      "at",
      /1746515289/,
    ],
    [
      "a property nested without end",
      bytes(`{"id":"e","user":"u","item":"i","at":"2025-05-06","note":${"[".repeat(200_000)}${"]".repeat(200_000)}}`),
      "field_type",
      "note",
      /nested/,
    ],
  ])("%s", (_what, value, reason, path, message) => {
    const result = compileTopic(dated, OPTIONS).map(record(value), NOW);
    expect(result.activities).toEqual([]);
    expect(result.rejection).toMatchObject({ reason, path });
    expect(result.rejection?.message).toMatch(message);
    expect(result.rejection?.message.length).toBeLessThan(2_000);
  });

  test("a byte order mark is no fault", () => {
    expect(compileTopic(dated, OPTIONS).map(record(`\ufeff${JSON.stringify(good)}`), NOW).rejection).toBeNull();
  });

  test("a record of the greatest size is read", () => {
    const padded = { ...good, unused: "" };
    padded.unused = "x".repeat(1_048_576 - JSON.stringify(padded).length);
    expect(map(dated, padded).rejection).toBeNull();
    padded.unused += "x";
    expect(map(dated, padded).rejection?.reason).toBe("record_too_large");
  });

  test.each([
    [Date.UTC(2000, 0, 1), null],
    [Date.UTC(2000, 0, 1) - 1, "time_out_of_range"],
    [NOW + 86_400_000, null],
    [NOW + 86_400_001, "time_out_of_range"],
  ])("time %i: %s", (at, reason) => {
    const value = { ...good, at: new Date(at).toISOString() };
    expect(map(dated, value).rejection?.reason ?? null).toBe(reason);
    expect(map(SIMPLE, { user: "u", item: "i" }, { timestamp: at }).rejection?.reason ?? null).toBe(reason);
  });

  test("a time in the wrong unit is told the right one", () => {
    const topic = mapped({
      fields: { userId: "user", itemId: "item" },
      occurredAt: { path: "at", format: "EpochMillis", timeZone: "Etc/UTC" },
    });
    expect(map(topic, { ...good, at: 1_746_515_289 }).rejection?.message).toMatch(/1970-01-21.*within as EpochSeconds/);
  });

  test("a time that does not fit its pattern is told the pattern", () => {
    const clicks = SEED_TOPICS[0]!;
    expect(map(clicks, { ...CLICK, datetime_occured: "06/05/2025" }).rejection).toEqual({
      reason: "time_unparsable",
      path: "datetime_occured",
      message: 'occurredAt: "06/05/2025" is not Pattern yyyy-MM-dd HH:mm:ss.SSS in Etc/UTC',
    });
  });

  test("a mapping that points nowhere says what the record has", () => {
    const topic = mapped({ fields: { userId: "customer.id", itemId: "sku" } });
    const { rejection } = map(topic, { user: { id: "u" }, sku: "i" });
    expect(rejection).toMatchObject({ reason: "field_missing", path: "customer.id" });
    expect(rejection?.message).toContain("the record has: user, sku");
  });

  test("an event of the shop's own needs no item, a standard one does", () => {
    const topic = mapped({ fields: { userId: "user", itemId: "item", event: "event" } }, null);
    expect(map(topic, { user: "u", event: "search" }).rejection).toBeNull();
    for (const event of [
      "view",
      "click",
      "add_to_cart",
      "remove_from_cart",
      "purchase",
      "refund",
      "impression",
      "rating",
    ]) {
      expect(map(topic, { user: "u", event }).rejection).toMatchObject({ reason: "field_missing", path: "item" });
    }
    expect(map(topic, { user: "u", item: "i" }).rejection).toMatchObject({ reason: "field_missing", path: "event" });
  });

  test("own JSON with properties that are no object is a fault of type", () => {
    expect(map(OWN, { event: "search", userId: "u", properties: [1] }).rejection).toMatchObject({
      reason: "field_type",
      path: "properties",
    });
    const name = "n".repeat(513);
    expect(map(OWN, { event: "search", userId: "u", properties: { [name]: "x" } }).rejection?.reason).toBe(
      "field_too_long",
    );
    expect(map(OWN, { event: "search", userId: "u", properties: { "a\0": "x" } }).rejection?.reason).toBe(
      "invalid_character",
    );
  });
});

describe("a mapper never throws, and answers every record with activity or a reason", () => {
  const topics: TopicSpec[] = [
    ...SEED_TOPICS,
    OWN,
    SIMPLE,
    ORDERS,
    { name: "i", record: "Item" },
    { name: "u", record: "User" },
  ];
  const mappers = topics.map((topic) => compileTopic(topic, OPTIONS));
  const check = (value: Uint8Array) => {
    for (const mapper of mappers) {
      const { activities, rejection } = mapper.map(record(value), NOW);
      expect(activities.length > 0 || rejection !== null).toBe(true);
    }
  };

  test("of any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 500 });
  });

  test("of any JSON", () => {
    fc.assert(
      fc.property(fc.json(), (json) => check(utf8.encode(json))),
      { numRuns: 500 },
    );
  });

  test("of records that nearly fit", () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom("", "u1", 7, -1, 0, 1e300, "2025-05-06 07:08:09.123", "9".repeat(600), "\ud800"),
    );
    const names = [
      "click_id",
      "user_id",
      "product_id",
      "price",
      "datetime_occured",
      "user_agent",
      "ip_address",
      "userId",
      "event",
      "itemId",
      "properties",
      "occurredAt",
      "updatedAt",
      "categories",
      "embedding",
      "id",
      "user",
      "item",
      "n",
    ];
    const records = fc.record(Object.fromEntries(names.map((name) => [name, odd])), { requiredKeys: [] });
    fc.assert(
      fc.property(records, (value) => check(utf8.encode(JSON.stringify(value)))),
      { numRuns: 1000 },
    );
  });

  test("of a flood of nesting", () => {
    const deep = `${"[".repeat(300_000)}${"]".repeat(300_000)}`;
    check(utf8.encode(deep));
    check(utf8.encode(`{"userId":9007199254740993,"itemId":"i","event":"search","properties":{"deep":${deep}}}`));
    check(utf8.encode(`{"order":{"lines":${deep}},"x":1}`));
  });
});
