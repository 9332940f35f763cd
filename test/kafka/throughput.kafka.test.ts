import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";
import { expect, it } from "vitest";
import { broker, describeKafka, openLog } from "./suite.ts";

const EVENTS = 200_000;
const ROUNDS = 3;
const POLL = { maxRecords: 10_000, maxBytes: 16 * 1024 * 1024, waitMilliseconds: 1_000 };

function event(number: number) {
  return {
    event_id: randomUUID(),
    event: "view",
    user_id: `user-${number % 5_000}`,
    item_id: `item-${number % 997}`,
    occurred_at: 1_700_000_000_000 + number,
    url: `https://shop.example/products/${number % 997}?ref=home`,
    price: (number % 1_000) / 10,
  };
}

/** Milliseconds from joining the group until this many events were parsed. */
type Loop = (topic: string, events: number) => Promise<number>;

/** What anybody would write over kafkajs: nothing but the parsing. */
const bare: Loop = async (topic, events) => {
  const kafka = new kafkajs.Kafka({ brokers: [broker().plaintext], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: randomUUID(), maxBytes: 8 * 1024 * 1024 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const done = Promise.withResolvers<number>();
  let started = 0;
  let seen = 0;
  consumer.on(consumer.events.GROUP_JOIN, () => {
    started = performance.now();
  });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) if (JSON.parse(String(value)).event_id !== "") seen += 1;
      if (seen >= events) done.resolve(performance.now() - started);
    },
  });
  const milliseconds = await done.promise;
  await consumer.disconnect();
  return milliseconds;
};

const ours: Loop = async (topic, events) => {
  let started = 0;
  const log = openLog({
    onEvent({ kind }) {
      if (kind === "rejoined") started = performance.now();
    },
  });
  const subscription = await log.subscribe({ group: randomUUID(), topics: [topic], startFrom: "Earliest" });
  const decoder = new TextDecoder();
  let seen = 0;
  while (seen < events) {
    const records = await subscription.poll(POLL);
    for (const { value } of records) if (JSON.parse(decoder.decode(value)).event_id !== "") seen += 1;
    const next = new Map(records.map((r) => [r.partition, { topic, partition: r.partition, offset: r.offset + 1 }]));
    await subscription.commit([...next.values()]);
  }
  const milliseconds = performance.now() - started;
  await log.close();
  return milliseconds;
};

describeKafka("one reader on one core", () => {
  it("polls, parses and commits at a rate near that of a bare kafkajs loop that only parses", async () => {
    const topic = `throughput-${randomUUID()}`;
    const log = openLog();
    const records = Array.from({ length: EVENTS }, (_, index) => ({
      key: `user-${index % 5_000}`,
      value: Buffer.from(JSON.stringify(event(index))),
    }));
    await log.append(topic, records);
    const best = { bare: Number.POSITIVE_INFINITY, ours: Number.POSITIVE_INFINITY };
    for (let round = 0; round < ROUNDS; round += 1) {
      best.bare = Math.min(best.bare, await bare(topic, EVENTS));
      best.ours = Math.min(best.ours, await ours(topic, EVENTS));
    }
    const rate = (milliseconds: number) => Math.round((EVENTS / milliseconds) * 1000);
    const ratio = best.bare / best.ours;
    console.log(`events a second: bare ${rate(best.bare)}, ours ${rate(best.ours)}, ratio ${ratio.toFixed(2)}`);
    expect(ratio).toBeGreaterThan(0.5);
  });
});
