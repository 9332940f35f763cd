import type { TopicSpec } from "../activity/index.ts";
import { type OutgoingRecord, type PartitionLag, RECORD_ID_HEADER } from "../activity-log/index.ts";
import { type Clock, paced } from "./pace.ts";
import type { ReplayRecord, ReplaySource } from "./sources/index.ts";

/** A pipeline that records can be sent through: one in this process, or one that runs and is reached over HTTP. */
export interface ReplayTarget {
  /** Makes the consumer read these topics, where it does not yet. */
  addTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Resolves when the records are durable. */
  append(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  /** How far the consumer has come in each partition that it reads. @throws when it has ended */
  lag(): Promise<readonly PartitionLag[]>;
}

export interface ReplayOptions {
  /** A multiple of recorded time, or `null`: as fast as the pipeline takes it. */
  readonly speed: number | null;
  /** Records of the file that are stored, as far as the lag tells, and in the whole file. */
  readonly onProgress: (stored: number, total: number) => void;
  readonly clock: Clock;
  /** Ends the sending early; what was sent is still stored. */
  readonly signal: AbortSignal;
}

export interface Replayed {
  /** Records that are stored now. */
  readonly sent: number;
  /** Records of the file that were not sent, because of the signal. */
  readonly left: number;
}

const BATCH_RECORDS = 2_000;
/** So many records may wait in the log: it is not filled faster than the tables. */
const MAX_LAG = 100_000;
const LAG_LOOK_MILLISECONDS = 50;

/**
 * Sends the records of a file through the real path and waits until all of them are stored. Each record carries its
 * identity (file and row), so that a second replay of the same file changes nothing.
 *
 * @throws whatever the source and the target throw: then a second replay of the file brings what is missing
 */
export async function replay(source: ReplaySource, target: ReplayTarget, options: ReplayOptions): Promise<Replayed> {
  const { clock, signal, onProgress } = options;
  await target.addTopics(source.topics);
  let sent = 0;
  const progress = (waiting: number) => onProgress(Math.max(0, sent - waiting), source.records);
  for await (const records of paced(source.batches(BATCH_RECORDS), options.speed, clock, signal)) {
    await appendAll(target, records);
    sent += records.length;
    await lagUntil(target, clock, progress, (waiting) => waiting <= MAX_LAG);
  }
  const ends = new Map((await target.lag()).map((partition) => [keyOf(partition), partition.endOffset]));
  await lagUntil(target, clock, progress, (_waiting, partitions) =>
    partitions.every((partition) => partition.offset >= (ends.get(keyOf(partition)) ?? 0)),
  );
  onProgress(sent, source.records);
  return { sent, left: source.records - sent };
}

/** Looks at the lag until it is as wanted: whatever else the pipeline is sent meanwhile must not hold this up. */
async function lagUntil(
  target: ReplayTarget,
  clock: Clock,
  progress: (waiting: number) => void,
  isDone: (waiting: number, partitions: readonly PartitionLag[]) => boolean,
): Promise<void> {
  for (;;) {
    const partitions = await target.lag();
    const waiting = partitions.reduce((sum, { offset, endOffset }) => sum + endOffset - offset, 0);
    progress(waiting);
    if (isDone(waiting, partitions)) return;
    await clock.sleep(LAG_LOOK_MILLISECONDS);
  }
}

function keyOf({ topic, partition }: PartitionLag): string {
  return `${partition}/${topic}`;
}

async function appendAll(target: ReplayTarget, records: readonly ReplayRecord[]): Promise<void> {
  for (const [topic, group] of Map.groupBy(records, (record) => record.topic)) {
    await target.append(
      topic,
      group.map(({ key, value, recordId }) => ({ key, value, headers: { [RECORD_ID_HEADER]: recordId } })),
    );
  }
}
