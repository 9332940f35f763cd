import { describe, expect, test } from "vitest";
import { json, mappersOf, viewOf } from "../../test/fixtures/consumer.ts";
import { type LogRecord, RECORD_TIME_HEADER } from "../activity-log/index.ts";
import { DEAD_LETTER_HEADER, prepare } from "./prepare.ts";

const NOW = Date.UTC(2026, 0, 15);
const mappers = mappersOf();

function record(topic: string, partition: number, offset: number, value: unknown, more: Partial<LogRecord> = {}) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return { ...json(null), topic, partition, offset, timestamp: NOW, headers: {}, value: Buffer.from(text), ...more };
}

describe("prepare", () => {
  test("keeps events, items, users and what failed apart, each with its place", () => {
    const batch = prepare(
      [
        record("shop.events", 0, 7, viewOf("v1")),
        record("shop.items", 1, 3, { itemId: "teapot", name: "Teapot" }),
        record("shop.users", 0, 2, { userId: "ann", plan: "gold" }),
        record("shop.events", 0, 8, "{"),
      ],
      mappers,
      NOW,
    );
    expect(batch.events).toMatchObject([
      { event: { eventId: "v1" }, source: { topic: "shop.events", partition: 0, offset: 7 } },
    ]);
    expect(batch.items).toMatchObject([
      { change: { itemId: "teapot" }, source: { topic: "shop.items", partition: 1, offset: 3 } },
    ]);
    expect(batch.users).toMatchObject([
      { change: { userId: "ann" }, source: { topic: "shop.users", partition: 0, offset: 2 } },
    ]);
    expect(batch.deadLetters).toMatchObject([
      { id: "shop.events/0/8", reason: "malformed_json", topic: "shop.events", partition: 0, offset: 8 },
    ]);
    expect(batch.records).toBe(4);
  });

  test("goes on behind the last record of each partition, whether it passed or not", () => {
    const batch = prepare(
      [
        record("clicks", 0, 4, "{"),
        record("shop.events", 1, 9, viewOf("v1")),
        record("clicks", 1, 0, "{"),
        record("clicks", 0, 5, "{"),
      ],
      mappers,
      NOW,
    );
    expect(batch.positions).toEqual([
      { topic: "clicks", partition: 0, offset: 6 },
      { topic: "clicks", partition: 1, offset: 1 },
      { topic: "shop.events", partition: 1, offset: 10 },
    ]);
  });

  test("a record of a topic that nobody mapped is a dead letter that says what to do", () => {
    const { deadLetters } = prepare([record("carts", 0, 0, viewOf("v1"))], mappers, NOW);
    expect(deadLetters).toMatchObject([{ reason: "topic_not_mapped", topic: "carts" }]);
    expect(deadLetters[0]?.message).toContain("spec.source.topics");
  });

  test("a dead letter that was sent again counts as resolved when it passes, by its own identity, and only then", () => {
    const headers = { [DEAD_LETTER_HEADER]: "replay", "productmatcher-record-id": "clicks/0/1" };
    const passed = prepare([record("shop.events", 0, 50, viewOf("v1"), { headers })], mappers, NOW);
    expect(passed).toMatchObject({ resolved: ["clicks/0/1"], deadLetters: [] });
    const failed = prepare([record("shop.events", 0, 50, "{", { headers })], mappers, NOW);
    expect(failed).toMatchObject({ resolved: [], deadLetters: [{ id: "clicks/0/1", offset: 50 }] });
    expect(prepare([record("shop.events", 0, 50, viewOf("v1"))], mappers, NOW).resolved).toEqual([]);
  });

  test("the good lines of a record pass although one of them is bad, which makes the record a dead letter", () => {
    const orders = mappersOf([
      {
        name: "orders",
        record: "Event",
        event: "purchase",
        mapping: { forEach: "lines", fields: { eventId: "/id", userId: "/user", itemId: "sku" } },
      },
    ]);
    const order = { id: "o1", user: "ann", lines: [{ sku: "teapot" }, {}, { sku: "cup" }] };
    const batch = prepare([record("orders", 0, 0, order)], orders, NOW);
    expect(batch.events.map(({ event }) => event.eventId)).toEqual(["o1#0", "o1#2"]);
    expect(batch.deadLetters).toMatchObject([{ reason: "field_missing", path: "lines.1.sku" }]);
  });

  test("a record that was sent again has the time of its first sending, whatever its topic says", () => {
    const again = (time: string) =>
      record("shop.events", 0, 1, viewOf("v1"), { headers: { [RECORD_TIME_HEADER]: time } });
    const timeOf = (time: string) => prepare([again(time)], mappers, NOW).events[0]?.event.occurredAt;
    expect(timeOf(`${NOW - 5_000}`)).toBe(NOW - 5_000);
    expect(timeOf("yesterday")).toBe(NOW);
    const failed = record("shop.events", 0, 1, "{", { headers: { [RECORD_TIME_HEADER]: "17" } });
    expect(prepare([failed], mappers, NOW).deadLetters).toMatchObject([{ recorded_at: 17 }]);
  });

  test("knows when the log received the oldest record", () => {
    const records = [NOW - 5, NOW - 90, NOW - 20].map((timestamp, offset) =>
      record("shop.events", 0, offset, viewOf(`v${offset}`), { timestamp }),
    );
    expect(prepare(records, mappers, NOW).receivedAt).toBe(NOW - 90);
    expect(prepare([], mappers, NOW)).toMatchObject({ receivedAt: NOW, records: 0, positions: [] });
  });
});
