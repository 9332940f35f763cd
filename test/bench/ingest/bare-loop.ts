/**
 * A program: what anybody would write over kafkajs to read a topic, which does nothing but parse the JSON.
 * `node bare-loop.ts BROKER TOPIC EVENTS`; prints one `Loop` as JSON. It counts from having joined the group.
 */
import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";
import type { Loop } from "./loop.ts";

const [broker = "", topic = "", events = ""] = process.argv.slice(2);

const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: randomUUID(), maxBytes: 8 * 1024 * 1024 });
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
const joined = Promise.withResolvers<void>();
const done = Promise.withResolvers<void>();
consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
let seen = 0;
await consumer.run({
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) if (JSON.parse(String(value)).eventId !== "") seen += 1;
    if (seen >= Number(events)) done.resolve();
  },
});
await joined.promise;
const started = performance.now();
const before = process.cpuUsage();
await done.promise;
const { user, system } = process.cpuUsage(before);
const loop: Loop = { events: seen, seconds: (performance.now() - started) / 1_000, cpuSeconds: (user + system) / 1e6 };
console.log(JSON.stringify(loop));
await consumer.disconnect();
