/**
 * Dead letters on a topic of their own, beside those in ClickHouse: for other programs, and for the time when ClickHouse
 * is what failed.
 */
import { type ActivityLog, isRecordTooLarge, type LogRecord, type OutgoingRecord } from "../activity-log/index.ts";
import type { DeadLetterFilter } from "../clickhouse/index.ts";
import { letterRecord, readLetter, sentAgain, type TopicLetter, withoutValue } from "./dead-letter-record.ts";
import type { DeadLetterRow } from "./rows.ts";

/**
 * Resolves when all of them are durable; a repeat is known by its id. One that the topic does not take for its size goes
 * there without its value: it must not hold up the others.
 *
 * @throws the log's error
 */
export async function publishDeadLetters(
  log: ActivityLog,
  topic: string,
  rows: readonly DeadLetterRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const records = rows.map(letterRecord);
  await log.append(topic, records).catch(async (error: unknown) => {
    if (!isRecordTooLarge(error)) throw error;
    for (const record of records) await appendFitting(log, topic, record);
  });
}

async function appendFitting(log: ActivityLog, topic: string, record: OutgoingRecord): Promise<void> {
  await log.append(topic, [record]).catch(async (error: unknown) => {
    if (!isRecordTooLarge(error)) throw error;
    await log.append(topic, [withoutValue(record)]);
  });
}

export interface ReplayedFromTopic {
  /** Records that were sent through again. */
  readonly sent: number;
  /** Records that match and could not be sent: the topic has no value of them. */
  readonly withoutValue: number;
}

/** Of values, in one append. */
const PAGE_BYTES = 16 * 1024 * 1024;
const PAGE_RECORDS = 500;
const WAIT_MILLISECONDS = 500;

/**
 * Sends the records through again that are on the topic of dead letters at this moment, each once, as it failed last and
 * under its own identity: what was stored since is not counted twice. The topic does not know which of them have passed
 * since, so these are sent, too. `includeResolved` has no meaning here.
 *
 * @throws the log's error
 */
export async function replayFromTopic(
  log: ActivityLog,
  deadLettersTopic: string,
  filter: DeadLetterFilter,
): Promise<ReplayedFromTopic> {
  const ids = filter.ids === undefined || filter.ids.length === 0 ? null : new Set(filter.ids);
  const matches = ({ id, topic, reason }: TopicLetter) =>
    (ids === null || ids.has(id)) &&
    (filter.topic === undefined || filter.topic === topic) &&
    (filter.reason === undefined || filter.reason === reason);
  // By id, as it failed last. Values are read in a second walk, and never all in memory.
  const last = new Map<string, { readonly place: string; readonly matches: boolean; readonly at: number }>();
  for await (const { record, letter } of walk(log, deadLettersTopic)) {
    const before = last.get(letter.id);
    if (before !== undefined && before.at > record.timestamp) continue;
    last.set(letter.id, { place: placeOf(record), matches: matches(letter), at: record.timestamp });
  }
  const result = { sent: 0, withoutValue: 0 };
  let page: TopicLetter[] = [];
  let bytes = 0;
  const send = async () => {
    for (const [topic, letters] of Map.groupBy(page, (letter) => letter.topic)) {
      await log.append(topic, letters.map(sentAgain));
    }
    result.sent += page.length;
    page = [];
    bytes = 0;
  };
  for await (const { record, letter } of walk(log, deadLettersTopic)) {
    const chosen = last.get(letter.id);
    if (chosen?.matches !== true || chosen.place !== placeOf(record)) continue;
    if (letter.isWithoutValue) {
      result.withoutValue += 1;
      continue;
    }
    page.push(letter);
    bytes += letter.value.byteLength;
    if (page.length === PAGE_RECORDS || bytes > PAGE_BYTES) await send();
  }
  await send();
  return result;
}

function placeOf({ partition, offset }: LogRecord): string {
  return `${partition}/${offset}`;
}

/** All dead letters from the oldest to the end as it is now. */
async function* walk(log: ActivityLog, topic: string): AsyncGenerator<{ record: LogRecord; letter: TopicLetter }> {
  const subscription = await log.subscribe({ group: null, topics: [topic], startFrom: "Earliest" });
  try {
    const ends = new Map((await subscription.lag()).map(({ partition, endOffset }) => [partition, endOffset]));
    const limits = { maxRecords: PAGE_RECORDS, maxBytes: PAGE_BYTES, waitMilliseconds: WAIT_MILLISECONDS };
    for (;;) {
      const records = await subscription.poll(limits);
      for (const record of records) {
        const letter = record.offset < (ends.get(record.partition) ?? 0) ? readLetter(record) : null;
        if (letter !== null) yield { record, letter };
      }
      const positions = await subscription.lag();
      if (positions.every(({ partition, offset }) => offset >= (ends.get(partition) ?? 0))) return;
    }
  } finally {
    await subscription.close();
  }
}
