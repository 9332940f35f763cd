/**
 * What the Kafka suites share: the run's broker, logs on it that are closed after each test, records to send.
 */
import { afterEach, describe, inject } from "vitest";
import type { LogRecord, OutgoingRecord, PollLimits, Subscription } from "../../services/activity-log/index.ts";
import { type KafkaLog, type KafkaLogEvent, type KafkaLogOptions, openKafkaLog } from "../../services/kafka/index.ts";
import type { BrokerDescription } from "./broker.ts";

const shared = inject("kafka");

export const describeKafka = describe.skipIf(shared === null);

/** Of this run. */
export function broker(): BrokerDescription {
  if (shared === null) throw new Error("no broker on this machine");
  return shared;
}

export const PATIENT: PollLimits = { maxRecords: 5_000, maxBytes: 16 * 1024 * 1024, waitMilliseconds: 1_000 };

const opened: KafkaLog[] = [];

/** With the times of the tests, not of production. Closed after the test. */
export function openLog(options: Partial<KafkaLogOptions> = {}): KafkaLog & { readonly events: KafkaLogEvent[] } {
  const events: KafkaLogEvent[] = [];
  const log = openKafkaLog({
    bootstrapServers: [broker().plaintext],
    topicDefaults: { partitions: 4, replicationFactor: 1 },
    fetchWaitMilliseconds: 100,
    sessionTimeoutMilliseconds: 6_000,
    onEvent: (event) => events.push(event),
    ...options,
  });
  opened.push(log);
  return Object.assign(log, { events });
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((log) => log.close()));
});

export function numbered(from: number, count: number, bytes = 0): OutgoingRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const id = `${from + index}`;
    return { key: id, value: Buffer.from(id.padEnd(bytes, " ")) };
  });
}

export function numberOf(record: LogRecord): number {
  return Number(Buffer.from(record.value).toString());
}

/** One past each partition's last record. */
export function positionsAfter(records: readonly LogRecord[]) {
  const next = new Map(
    records.map(({ topic, partition, offset }) => [`${partition}/${topic}`, { topic, partition, offset: offset + 1 }]),
  );
  return [...next.values()];
}

/** Polls until so many different numbers have come. */
export async function takeNumbers(subscription: Subscription, count: number): Promise<Set<number>> {
  const seen = new Set<number>();
  while (seen.size < count) for (const record of await subscription.poll(PATIENT)) seen.add(numberOf(record));
  return seen;
}
