import { setTimeout as sleep } from "node:timers/promises";
import type { TopicSpec } from "../activity/index.ts";
import { type OutgoingRecord, RECORD_ID_HEADER } from "../activity-log/index.ts";
import type { ReplayRecord, ReplaySource } from "./sources/index.ts";

/** A pipeline that records can be sent through: one in this process, or one that runs and is reached over HTTP. */
export interface ReplayTarget {
  /** Makes the consumer read these topics, where it does not yet. */
  addTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Resolves when the records are durable. */
  append(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  /** Records that are in the log and not yet stored. */
  lag(): Promise<number>;
}

export interface ReplayOptions {
  /** A multiple of recorded time, or `null`: as fast as the pipeline takes it. */
  readonly speed: number | null;
  /** Records stored and in the whole file. */
  readonly onProgress: (stored: number, total: number) => void;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  /** Ends the sending early; what was sent is still stored. */
  readonly signal?: AbortSignal;
}

const BATCH_RECORDS = 2_000;
/** So many records may wait in the log: it is not filled faster than the tables. */
const MAX_LAG = 100_000;
const LAG_WAIT_MILLISECONDS = 50;

/**
 * Sends the records of a file through the real path and waits until all of them are stored. Each record carries its
 * identity (file and row), so that a second replay of the same file changes nothing.
 *
 * @returns how many records were sent
 */
export async function replay(source: ReplaySource, target: ReplayTarget, options: ReplayOptions): Promise<number> {
  await target.addTopics(source.topics);
  const pace = options.speed === null ? null : pacer(options.speed, options.now);
  let sent = 0;
  for await (const batch of source.batches(BATCH_RECORDS)) {
    const groups = pace === null ? [batch] : bySecond(batch);
    for (const records of groups) {
      if (options.signal?.aborted) return sent;
      await pace?.(records, options.signal);
      await appendAll(target, records);
      sent += records.length;
    }
    for (let lag = await target.lag(); ; lag = await target.lag()) {
      options.onProgress(Math.max(0, sent - lag), source.records);
      if (lag <= MAX_LAG) break;
      await sleep(LAG_WAIT_MILLISECONDS);
    }
  }
  for (let lag = await target.lag(); lag > 0; lag = await target.lag()) {
    options.onProgress(Math.max(0, sent - lag), source.records);
    await sleep(LAG_WAIT_MILLISECONDS);
  }
  options.onProgress(sent, source.records);
  return sent;
}

async function appendAll(target: ReplayTarget, records: readonly ReplayRecord[]): Promise<void> {
  for (const [topic, group] of Map.groupBy(records, (record) => record.topic)) {
    await target.append(
      topic,
      group.map(({ key, value, recordId }) => ({ key, value, headers: { [RECORD_ID_HEADER]: recordId } })),
    );
  }
}

/** Waits until the first of the records is due: recorded time counts from the first record of all. */
function pacer(speed: number, now: () => number) {
  let firstRecorded: number | null = null;
  let started = 0;
  return async (records: readonly ReplayRecord[], signal?: AbortSignal) => {
    const recorded = records.find((record) => record.occurredAt !== null)?.occurredAt ?? null;
    if (recorded === null) return;
    if (firstRecorded === null) {
      firstRecorded = recorded;
      started = now();
    }
    const due = started + (recorded - firstRecorded) / speed;
    if (due > now()) await sleep(due - now(), undefined, signal === undefined ? {} : { signal }).catch(() => {});
  };
}

/** Neighbouring records of the same second of recorded time, which are sent together. */
function bySecond(batch: readonly ReplayRecord[]): ReplayRecord[][] {
  const groups: ReplayRecord[][] = [];
  let second = Number.NaN;
  for (const record of batch) {
    const own = record.occurredAt === null ? second : Math.floor(record.occurredAt / 1000);
    const last = groups.at(-1);
    if (last === undefined || own !== second) groups.push([record]);
    else last.push(record);
    second = own;
  }
  return groups;
}
