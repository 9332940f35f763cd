import { randomBytes, randomUUID } from "node:crypto";
import { SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import protobuf from "protobufjs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { compileTopic, type TopicSpec } from "../../services/activity/index.ts";
import type { ClickHouse } from "../../services/clickhouse/index.ts";
import type { Consumer, ConsumerOptions } from "../../services/consumer/index.ts";
import { replayFromTopic } from "../../services/consumer/index.ts";
import type { KafkaLog } from "../../services/kafka/index.ts";
import { decodingMapper, openRecordDecoder } from "../../services/schema-registry/index.ts";
import { migratedDatabase } from "../fixtures/clickhouse.ts";
import { startTestConsumer, storedLetters } from "../fixtures/consumer.ts";
import { framed } from "../fixtures/schema-registry.ts";
import { type Registry, startRegistry } from "./registry.ts";
import { describeKafka, openLog } from "./suite.ts";

const AT = Date.UTC(2026, 0, 5, 10);
const BIG = "9007199254740993";

const clickSchema = (fields: object[] = []) =>
  JSON.stringify({
    type: "record",
    name: "Click",
    namespace: "shop",
    fields: [
      { name: "click_id", type: "string" },
      { name: "user", type: ["null", { type: "record", name: "User", fields: [{ name: "id", type: "string" }] }] },
      { name: "product_id", type: "long" },
      { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
      ...fields,
    ],
  });
const MONEY = 'syntax = "proto3"; package shop; message Money { string currency = 1; double amount = 2; }';
const orderSchema = (more = "") => `syntax = "proto3";
package shop;
import "money.proto";
import "google/protobuf/timestamp.proto";
message Ignored { string nothing = 1; }
message Order {
  message Line { int64 product_id = 1; int32 quantity = 2; ${more} }
  string order_id = 1;
  uint64 user_id = 2;
  repeated Line lines = 3;
  Money total = 4;
  google.protobuf.Timestamp at = 5;
}`;

describeKafka("topics of a schema registry", () => {
  let registry: Registry;
  let client: SchemaRegistry;
  let clickhouse: ClickHouse;
  let log: KafkaLog;
  let id: string;
  let consumer: Consumer | undefined;
  let deadLettersTopic: string;

  beforeAll(async () => {
    registry = await startRegistry();
    client = new SchemaRegistry({ host: registry.url });
  });
  afterAll(() => registry.stop());
  beforeEach(async () => {
    id = randomUUID();
    deadLettersTopic = `${id}.dead-letters`;
    clickhouse = await migratedDatabase();
    log = openLog();
  });
  afterEach(async () => {
    await consumer?.close();
    consumer = undefined;
    await clickhouse.close();
  });

  const clicks = (): TopicSpec => ({
    name: `clicks-${id}`,
    record: "Event",
    event: "view",
    mapping: {
      fields: {
        eventId: "click_id",
        userId: "user.id",
        itemId: "product_id",
        price: "price",
        "properties.campaign": "campaign",
      },
      occurredAt: { path: "at", format: "EpochMillis", timeZone: "UTC" },
    },
  });
  const orders = (): TopicSpec => ({
    name: `orders-${id}`,
    record: "Event",
    event: "purchase",
    mapping: {
      forEach: "lines",
      fields: {
        eventId: "/order_id",
        userId: "/user_id",
        itemId: "product_id",
        quantity: "quantity",
        price: "price.amount",
        currency: "/total/currency",
      },
      occurredAt: { path: "/at", format: "EpochMillis", timeZone: "UTC" },
    },
  });
  const items = (): TopicSpec => ({
    name: `items-${id}`,
    record: "Item",
    mapping: { fields: { itemId: "id", name: "name", price: "price" } },
  });

  async function consume(topics: readonly TopicSpec[], more: Partial<ConsumerOptions> = {}): Promise<Consumer> {
    const decoder = openRecordDecoder({ url: registry.url, now: Date.now, timeoutMilliseconds: 500 });
    const privacy = { ipAddress: "Keep", userAgent: "Keep" } as const;
    const mappers = topics.map(
      (topic) => [topic.name, decodingMapper(compileTopic(topic, { privacy, attributes: [] }), decoder)] as const,
    );
    const names = { group: id, signalsTopic: `${id}.signals`, deadLettersTopic };
    consumer = await startTestConsumer({ log, clickhouse, mappers: new Map(mappers), ...names, ...more });
    return consumer;
  }

  /** Registered and written by a client that is not ours. */
  async function avro(schema: string, value: object) {
    const { id: schemaId } = await client.register(
      { type: SchemaType.AVRO, schema },
      { subject: `${clicks().name}-value` },
    );
    return { key: null, value: await client.encode(schemaId, value) };
  }

  async function registered(subject: string, schemaType: string, schema: string, references: object[] = []) {
    const answer = await fetch(`${registry.url}/subjects/${subject}/versions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ schemaType, schema, references }),
    });
    return ((await answer.json()) as { id: number }).id;
  }

  async function order(schema: string, value: object) {
    await registered(`money-${id}`, "PROTOBUF", MONEY);
    const reference = { name: "money.proto", subject: `money-${id}`, version: 1 };
    const schemaId = await registered(`${orders().name}-value`, "PROTOBUF", schema, [reference]);
    const root = new protobuf.Root();
    root.addJSON(protobuf.common.get("google/protobuf/timestamp.proto")?.nested ?? {});
    for (const text of [MONEY, schema]) protobuf.parse(text, root, { keepCase: true });
    const type = root.lookupType("shop.Order");
    const content = type.encode(type.fromObject(value)).finish();
    // Order is the second message of its file.
    return { key: null, value: framed(schemaId, Buffer.concat([Buffer.from([2, 2]), content])) };
  }

  it("are stored as those of JSON are, through changes of their schemas, with every digit", async () => {
    const click = (clickId: string, more: object = {}) => ({
      click_id: clickId,
      user: { "shop.User": { id: "ann" } },
      product_id: 17,
      at: AT,
      ...more,
    });
    const later = clickSchema([
      { name: "price", type: ["null", "double"], default: null },
      { name: "campaign", type: "string", default: "" },
    ]);
    await log.append(clicks().name, [
      await avro(clickSchema(), { ...click("c1"), user: { id: "ann" } }),
      await avro(later, { ...click("c2", { price: 9.5, campaign: "spring" }), user: { id: "ann" } }),
    ]);
    const line = { product_id: BIG, quantity: 2 };
    const base = { user_id: "18446744073709551615", total: { currency: "EUR" }, at: { seconds: AT / 1_000 } };
    await log.append(orders().name, [
      await order(orderSchema(), { ...base, order_id: "o1", lines: [line, { ...line, quantity: 1 }] }),
      await order(orderSchema("Money price = 3;"), {
        ...base,
        order_id: "o2",
        lines: [{ ...line, price: { amount: 3.5 } }],
      }),
    ]);
    const itemSchema = (more: object) =>
      JSON.stringify({ type: "object", properties: { id: { type: "integer" }, name: { type: "string" }, ...more } });
    const item = async (schema: string, json: string) => {
      const schemaId = await registered(`${items().name}-value`, "JSON", schema);
      return { key: null, value: framed(schemaId, Buffer.from(json)) };
    };
    await log.append(items().name, [
      await item(itemSchema({}), `{"id":${BIG},"name":"Teapot"}`),
      await item(itemSchema({ price: { type: "number" } }), '{"id":5,"name":"Cup","price":4.25}'),
    ]);
    await (await consume([clicks(), orders(), items()])).caughtUp();

    expect(await storedLetters(clickhouse)).toEqual([]);
    const events = await clickhouse.query(`
      SELECT event_id, user_id, item_id, quantity, price, currency, properties['campaign'] AS campaign,
        toUnixTimestamp64Milli(occurred_at) AS at
      FROM activity ORDER BY event_id`);
    const bought = { user_id: base.user_id, item_id: BIG, currency: "EUR", campaign: "", at: `${AT}` };
    const viewed = { user_id: "ann", item_id: "17", quantity: 1, currency: "", at: `${AT}` };
    expect(events).toEqual([
      { ...viewed, event_id: "c1", price: null, campaign: "" },
      { ...viewed, event_id: "c2", price: "9.5", campaign: "spring" },
      { ...bought, event_id: "o1#0", quantity: 2, price: null },
      { ...bought, event_id: "o1#1", quantity: 1, price: null },
      { ...bought, event_id: "o2#0", quantity: 2, price: "3.5" },
    ]);
    expect(await clickhouse.query("SELECT item_id, name, price FROM items FINAL ORDER BY name")).toEqual([
      { item_id: "5", name: "Cup", price: "4.25" },
      { item_id: BIG, name: "Teapot", price: null },
    ]);
  });

  it("wait while the registry does not answer, and nothing becomes a dead letter", async () => {
    const record = await avro(clickSchema(), { click_id: "c1", user: null, product_id: 1, at: AT });
    const named = await avro(clickSchema(), { click_id: "c2", user: { id: "ann" }, product_id: 1, at: AT });
    registry.freeze();
    try {
      await log.append(clicks().name, [record, named]);
      const waiting = await consume([clicks()]);
      await expect
        .poll(async () => (await waiting.status()).problem, { timeout: 10_000 })
        .toContain("no answer in time");
      expect(await waiting.status()).toMatchObject({ state: "Retrying", lag: 2, stored: 0, deadLetters: 0 });
    } finally {
      registry.thaw();
    }
    await consumer?.caughtUp();
    expect(await consumer?.status()).toMatchObject({ state: "Running", stored: 1, deadLetters: 1 });
    expect(await storedLetters(clickhouse)).toMatchObject([{ reason: "field_missing" }]);
  });

  it("keep what cannot be decoded as dead letters, on their topic too, however large", async () => {
    await log.createTopic(deadLettersTopic, { partitions: 1, replicationFactor: 1, maxRecordBytes: 100_000 });
    const sound = await avro(clickSchema(), { click_id: "c1", user: { id: "ann" }, product_id: 1, at: AT });
    const large = framed(sound.value.readInt32BE(1), Buffer.concat([Buffer.from([3]), randomBytes(400_000)]));
    await log.append(clicks().name, [
      { ...sound, key: "1", value: framed(999_999, sound.value.subarray(5)) },
      { ...sound, key: "2", value: sound.value.subarray(0, -3) },
      { ...sound, key: "3", value: Buffer.from('{"click_id":"c3"}') },
      { ...sound, key: "4", value: large },
      { ...sound, key: "5" },
    ]);
    await (await consume([clicks()])).caughtUp();
    const letters = new Map((await storedLetters(clickhouse)).map((letter) => [letter.key, letter]));
    expect(Object.fromEntries([...letters].map(([key, { reason }]) => [key, reason]))).toEqual({
      1: "schema_unknown",
      2: "undecodable",
      3: "undecodable",
      4: "undecodable",
    });
    expect(letters.get("4")?.valueBase64).toBe(large.toString("base64"));
    expect(await consumer?.status()).toMatchObject({ stored: 1, deadLetters: 4 });
    expect(await replayFromTopic(log, deadLettersTopic, {})).toEqual({ sent: 3, withoutValue: 1 });
    await consumer?.caughtUp();
    expect(await storedLetters(clickhouse)).toHaveLength(4);
  });
});
