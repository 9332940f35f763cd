import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compileTopic } from "../../services/activity/index.ts";
import type { OutgoingRecord } from "../../services/activity-log/index.ts";
import { consumerMetrics, startConsumer } from "../../services/consumer/index.ts";
import { migratedDatabase } from "../fixtures/clickhouse.ts";
import { type Broker, startBroker } from "./broker.ts";
import { describeKafka, openLog } from "./suite.ts";

const EVENTS = 50_000;
const START = Date.UTC(2026, 0, 1);
const SENT_AT_ONCE = 500;

/** Every 20th is sent twice, every 100th cannot be read. */
function records(): OutgoingRecord[] {
  return Array.from({ length: EVENTS }, (_, index) => index).flatMap((index) => {
    const key = `user-${index % 2_000}`;
    if (index % 100 === 7) return [{ key: `bad-${index}`, value: Buffer.from(`{"eventId": "bad-${index}"`) }];
    const event = {
      eventId: `e-${index}`,
      event: index % 10 === 0 ? "purchase" : "view",
      userId: key,
      itemId: `item-${index % 500}`,
      price: index % 90,
      occurredAt: START + index * 50,
    };
    const record = { key, value: Buffer.from(JSON.stringify(event)) };
    return index % 20 === 3 ? [record, record] : [record];
  });
}

const isBad = (index: number) => index % 100 === 7;

describeKafka("the consumer on Kafka", () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker.remove());

  it("stores every event once and every bad record as a dead letter, while the broker is killed", async () => {
    const topic = `events-${randomUUID()}`;
    const log = openLog({ bootstrapServers: [broker.plaintext] });
    const clickhouse = await migratedDatabase();
    const mapper = compileTopic(
      { name: topic, record: "Event" },
      { privacy: { ipAddress: "Keep", userAgent: "Keep" }, attributes: [] },
    );
    const consumer = await startConsumer({
      log,
      clickhouse,
      group: topic,
      mappers: new Map([[topic, mapper]]),
      startFrom: "Earliest",
      signalsTopic: `${topic}.signals`,
      deadLettersTopic: `${topic}.dead-letters`,
      attribution: { touches: ["view"], conversions: ["purchase"], windowSeconds: 3_600 },
      attributes: {},
      onEnrichmentFailure: "Complete",
      batch: { maxRecords: 2_000, maxBytes: 16 * 1024 * 1024 },
      metrics: consumerMetrics(new Registry()),
      logger: pino({ level: "silent" }),
      now: Date.now,
    });
    const all = records();
    const sending = (async () => {
      for (let at = 0; at < all.length; at += SENT_AT_ONCE) await log.append(topic, all.slice(at, at + SENT_AT_ONCE));
    })();
    // Awaited below; a failure before that is reported there, not as an unhandled one.
    sending.catch(() => {});
    while ((await consumer.status()).stored < EVENTS / 5) await sleep(50);
    await broker.kill();
    await broker.start();
    await sending;
    await consumer.caughtUp();
    await consumer.close();

    const events = await clickhouse.query<{ event_id: string }>("SELECT event_id FROM events FINAL");
    const letters = await clickhouse.query<{ key: string }>("SELECT DISTINCT key FROM dead_letters FINAL");
    const indices = Array.from({ length: EVENTS }, (_, index) => index);
    const expected = indices.filter((index) => !isBad(index)).map((index) => `e-${index}`);
    const stored = new Set(events.map(({ event_id }) => event_id));
    const lost = expected.filter((id) => !stored.has(id)).length;
    console.log(
      `sent ${all.length}, stored ${stored.size}, dead ${letters.length}, lost ${lost}, doubled ${events.length - stored.size}`,
    );
    expect(lost).toBe(0);
    expect(events).toHaveLength(expected.length);
    expect(new Set(letters.map(({ key }) => key))).toEqual(
      new Set(indices.filter(isBad).map((index) => `bad-${index}`)),
    );
  });
});
