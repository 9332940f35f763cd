import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ActivityEvent, compileTopic, type RejectionReason, type TopicSpec } from "../../activity/index.ts";
import { RECORD_ID_HEADER } from "../../activity-log/index.ts";
import { type ClickHouse, openClickHouse } from "../../clickhouse/index.ts";
import { createShop, FORMATS, type FormatName, type ShopEvent, writeUciParquet } from "../../simulation/index.ts";
import { openReplaySource, type ReplayFormat, type ReplayRecord, type ReplaySourceOptions } from "./index.ts";

const START = Date.UTC(2024, 0, 1);
const NOW = Date.UTC(2025, 0, 1);

let folder: string;
let engine: ClickHouse;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "productmatcher-sources-"));
  engine = await openClickHouse({ kind: "embedded", path: join(folder, "engine") }, "sources");
});

afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

interface Opened {
  format: ReplayFormat;
  topics: readonly TopicSpec[];
  records: number;
  read: ReplayRecord[];
}

async function readAll(
  path: string,
  format: ReplayFormat | "auto" = "auto",
  options: Partial<ReplaySourceOptions> = {},
  size = 1_000,
): Promise<Opened> {
  const source = await openReplaySource(path, format, { engine, ...options });
  const read: ReplayRecord[] = [];
  try {
    for await (const batch of source.batches(size)) {
      expect(batch.length).toBeLessThanOrEqual(size);
      read.push(...batch);
    }
  } finally {
    await source.close();
  }
  return { format: source.format, topics: source.topics, records: source.records, read };
}

/** What the pipeline makes of the records. */
function mapped({ topics, read }: Opened): { events: ActivityEvent[]; rejections: RejectionReason[] } {
  const mappers = new Map(
    topics.map((topic) => [
      topic.name,
      compileTopic(topic, { privacy: { ipAddress: "Keep", userAgent: "Keep" }, attributes: [] }),
    ]),
  );
  const events: ActivityEvent[] = [];
  const rejections: RejectionReason[] = [];
  for (const { topic, value, recordId } of read) {
    const record = { topic, partition: 0, offset: 0, value, headers: { [RECORD_ID_HEADER]: recordId }, timestamp: NOW };
    const { activities, rejection } = mappers.get(topic)!.map(record, NOW);
    if (rejection !== null) rejections.push(rejection.reason);
    for (const activity of activities) if (activity.kind === "event") events.push(activity.event);
  }
  return { events, rejections };
}

const text = (record: ReplayRecord | undefined) => Buffer.from(record?.value ?? []).toString("latin1");

describe("a file that simulate writes", () => {
  async function simulated(format: FormatName, count: number): Promise<{ path: string; events: ShopEvent[] }> {
    const shop = createShop({ seed: 4, start: START, shoppers: 300 });
    const events: ShopEvent[] = [];
    for (const event of shop.events()) {
      if (FORMATS[format].accepts(event)) events.push(event);
      if (events.length === count) break;
    }
    const lines = [...FORMATS[format].lines(events)].map((line) => `${line}\n`).join("");
    const path = await file(`${format}.simulated`, lines);
    if (format !== "uci") return { path, events };
    await writeUciParquet(engine, path, `${path}.parquet`);
    return { path: `${path}.parquet`, events };
  }

  const actors = {
    seed: ({ userId }: ShopEvent) => userId,
    segment: ({ userId, anonymousId }: ShopEvent) => `${userId}/${anonymousId}`,
    retailrocket: ({ userId, session }: ShopEvent) => (userId === "" ? String(1_000_000_000 + session) : userId),
    uci: ({ userId, event, orderId }: ShopEvent) => `${userId}/${event === "refund" ? "C" : ""}${orderId}`,
    otto: ({ session }: ShopEvent) => String(session),
  };
  const actorsBack = {
    seed: ({ userId }: ActivityEvent) => userId,
    segment: ({ userId, anonymousId }: ActivityEvent) => `${userId}/${anonymousId}`,
    retailrocket: ({ userId }: ActivityEvent) => userId,
    uci: ({ userId, sessionId }: ActivityEvent) => `${userId}/${sessionId}`,
    otto: ({ sessionId }: ActivityEvent) => sessionId,
  };

  it.each(["seed", "segment", "retailrocket", "uci", "otto"] as const)(
    "as %s is recognised and comes back as the same events, none lost",
    async (format) => {
      const { path, events } = await simulated(format, format === "uci" ? 1_500 : 4_000);
      const opened = await readAll(path, "auto", { readTimes: true }, 700);
      const { events: back, rejections } = mapped(opened);
      const unit = format === "retailrocket" ? 1_000 : 1;
      const facts = events.map((event) => {
        const at = Math.floor(event.occurredAt / unit) * unit;
        return `${at} ${actors[format](event)} ${event.event} ${event.item.itemId}`;
      });
      const factsBack = back.map(
        (event) => `${event.occurredAt} ${actorsBack[format](event)} ${event.event} ${event.itemId}`,
      );
      expect(opened.format).toBe(format);
      expect(opened.records).toBe(opened.read.length);
      expect(rejections).toEqual([]);
      expect(factsBack.sort()).toEqual(facts.sort());
      expect(opened.read.every(({ key, occurredAt }) => key !== null && occurredAt !== null)).toBe(true);
    },
  );
});

describe("JSON lines", () => {
  const click = (id: number) =>
    `{"click_id":${id},"user_id":"u${id}","product_id":"p","datetime_occured":"2024-01-01 00:00:00.000"}`;

  it("are split at newline bytes alone and pass through byte for byte, bad ones too", async () => {
    const invalid = Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]);
    const separators = `{"click_id":"a\u2028b\u0085","user_id":"u"}`;
    const path = await file(
      "mixed.jsonl",
      Buffer.concat([
        Buffer.from(`${click(1)}\r\n\n{"click_id": \n`),
        invalid,
        Buffer.from(`\n${separators}\n[1]\n{"checkout_id":"c","user_id":7}`),
      ]),
    );
    const { records, read } = await readAll(path, "auto", { readTimes: true });
    expect(records).toBe(6);
    expect(read.map(({ recordId }) => recordId)).toEqual([1, 3, 4, 5, 6, 7].map((row) => `mixed.jsonl#${row}`));
    expect(read.map(({ topic }) => topic)).toEqual([...Array(5).fill("clicks"), "checkouts"]);
    expect(read.map(({ key }) => key)).toEqual(["u1", null, null, "u", null, "7"]);
    expect(read.map(({ occurredAt }) => occurredAt)).toEqual([START, null, null, null, null, null]);
    expect(text(read[0])).toBe(click(1));
    expect(Buffer.from(read[2]!.value)).toEqual(invalid);
    expect(Buffer.from(read[3]!.value).toString()).toBe(separators);
  });

  it("may be longer than a read, and then fill a batch of their own", async () => {
    const long = `{"click_id":"long","user_id":"u","url":"${"x".repeat(10_000_000)}"}`;
    const path = await file("long.jsonl", `${click(1)}\n${long}\n${click(2)}\n`);
    const source = await openReplaySource(path, "auto", { engine });
    const lengths: number[][] = [];
    for await (const batch of source.batches(100)) lengths.push(batch.map(({ value }) => value.byteLength));
    expect(lengths).toEqual([[click(1).length], [long.length], [click(2).length]]);
  });

  it("of any other shape go to a topic of the resource, by its mapping", async () => {
    const topic: TopicSpec = {
      name: "orders",
      record: "Event",
      event: "purchase",
      mapping: {
        forEach: "lines",
        fields: { userId: "/buyer/id", itemId: "sku" },
        occurredAt: { path: "at", format: "EpochSeconds", timeZone: "Etc/UTC" },
      },
    };
    const path = await file(
      "orders.json",
      '{"buyer":{"id":5},"lines":[{"sku":"a","at":1704067200},{"sku":"b","at":2}]}',
    );
    const { format, read } = await readAll(path, "auto", { topic, readTimes: true });
    expect(format).toBe("jsonlines");
    expect(read).toMatchObject([{ topic: "orders", key: "5", occurredAt: START, recordId: "orders.json#1" }]);
  });

  it("of Segment part into calls about one product and calls that list products", async () => {
    const path = await file(
      "segment.jsonl",
      [
        '{"type":"track","event":"Product Viewed","messageId":"m1","anonymousId":"a","timestamp":"2024-01-01T01:00:00+01:00","properties":{"product_id":"p","price":"9.5"}}',
        '{"type":"track","event":"Order Completed","messageId":"m2","userId":"u","timestamp":"2024-01-01T00:00:01Z","properties":{"order_id":"o","currency":"eur","products":[{"product_id":"p","price":9.5,"quantity":2},{"product_id":"q"}]}}',
        '{"type":"track","event":"Wishlist Shared","messageId":"m3","userId":"u","timestamp":"2024-01-01T00:00:02Z","properties":null}',
      ].join("\n"),
    );
    const opened = await readAll(path);
    expect(opened.read.map(({ topic }) => topic)).toEqual(["segment", "segment-orders", "segment"]);
    expect(mapped(opened).events.slice(0, 3)).toMatchObject([
      { eventId: "m1", event: "view", anonymousId: "a", itemId: "p", price: 9.5, occurredAt: START },
      {
        eventId: "m2#0",
        event: "purchase",
        userId: "u",
        itemId: "p",
        quantity: 2,
        currency: "EUR",
        properties: { order_id: "o" },
      },
      { eventId: "m2#1", event: "purchase", itemId: "q", quantity: 1 },
    ]);
  });
});

describe("CSV", () => {
  it("loses no row to ragged lines, stray quotes, blank lines or bytes that are no text", async () => {
    const lines = [
      "timestamp_s,user,event,item",
      "1704067200,2,view,3\r",
      "1,2,view",
      "",
      "1,2,view,3,4,5",
      '"1704067201","7","addtocart","8"',
      'x,"unterminated,view,3',
      "1704067202,7,transaction,8",
    ].join("\n");
    const ragged = Buffer.from([0x31, 0x2c, 0xff, 0xfe]);
    const path = await file(
      "bad.csv",
      Buffer.concat([Buffer.from(`${lines}\n`), ragged, Buffer.from("\nlast,1,view,2")]),
    );
    const opened = await readAll(path, "auto", { readTimes: true }, 3);
    expect(opened.records).toBe(8);
    expect(opened.read.map(({ recordId }) => recordId)).toEqual(
      [1, 2, 4, 5, 6, 7, 8, 9].map((row) => `bad.csv#${row}`),
    );
    expect(text(opened.read[1])).toBe("1,2,view");
    expect(text(opened.read[2])).toBe("1,2,view,3,4,5");
    expect(Buffer.from(opened.read[6]!.value)).toEqual(ragged);
    expect(opened.read[0]).toMatchObject({ key: "2", occurredAt: START });
    const { events, rejections } = mapped(opened);
    expect(events).toMatchObject([
      { event: "view", userId: "2", itemId: "3", occurredAt: START },
      { event: "add_to_cart", userId: "7", itemId: "8" },
      { event: "purchase", userId: "7", itemId: "8" },
    ]);
    expect(rejections).toHaveLength(5);
  });

  it("of RetailRocket is read as it was published, too", async () => {
    const path = await file(
      "published.csv",
      "timestamp,visitorid,event,itemid,transactionid\n1704067200123,9,transaction,5,77\n1704067200124,9,view,5,\n",
    );
    expect(mapped(await readAll(path)).events).toMatchObject([
      { event: "purchase", userId: "9", itemId: "5", occurredAt: START + 123, properties: { transaction_id: "77" } },
      { event: "view", occurredAt: START + 124 },
    ]);
  });

  it("leaves no table behind, and is not disturbed by one that a killed process left", async () => {
    const path = await file("twice.csv", "timestamp_s,user,event,item\n1704067200,2,view,3\n");
    await openReplaySource(path, "retailrocket", { engine });
    const { records, read } = await readAll(path);
    expect([records, read.length]).toEqual([1, 1]);
    expect(await engine.query("SELECT name FROM system.tables WHERE database = currentDatabase()")).toEqual([]);
  });
});

describe("a file that cannot be replayed is refused with what was seen and what to do", () => {
  it.each([
    ["other.csv", "user,item\n1,2\n", "auto", "layout_unknown", "it begins with user,item"],
    ["other.jsonl", '{"a":1}\n', "auto", "layout_unknown", "--topic NAME"],
    ["empty.jsonl", "", "auto", "layout_unknown", "it has no line"],
    ["clicks.jsonl", '{"click_id":1}\n', "uci", "layout_unknown", "it is not Parquet"],
    ["clicks.jsonl", '{"click_id":1}\n', "retailrocket", "layout_unknown", "as CSV its header is"],
    ["odd{1}.csv", "timestamp_s,user,event,item\n1,2,view,3\n", "auto", "path_unsupported", "rename the file"],
  ] as const)("%s as %3$s", async (name, content, format, code, message) => {
    const path = await file(name, content);
    const refusal = openReplaySource(path, format, { engine });
    await expect(refusal).rejects.toMatchObject({ code, path });
    await expect(refusal).rejects.toThrow(message);
  });

  it("when it is not there, is a folder, or is Parquet of other columns", async () => {
    const parquet = join(folder, "other.parquet");
    await engine.command("INSERT INTO FUNCTION file({parquet:String}, 'Parquet') SELECT 1 AS one", { parquet });
    await expect(readAll(join(folder, "absent.csv"))).rejects.toMatchObject({ code: "not_found" });
    await expect(readAll(folder)).rejects.toMatchObject({ code: "not_a_file" });
    await expect(readAll(parquet)).rejects.toThrow("Parquet with the columns one");
    const topic: TopicSpec = { name: "orders", record: "Event" };
    await expect(readAll(parquet, "auto", { topic })).rejects.toThrow("Parquet for topic orders");
  });
});
