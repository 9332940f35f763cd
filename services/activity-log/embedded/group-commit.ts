/**
 * Joins what is appended and committed at the same time into one durable transaction: while the file's thread writes
 * one group, the next gathers. Records are packed when they are admitted; above a bound of bytes in memory appends
 * wait, in order.
 */
import type { OutgoingRecord } from "../index.ts";
import { partitionOf } from "./partitioner.ts";
import { SegmentWriter, sizeOf } from "./segment.ts";
import type { CommittedOffset, PackedSegment, ReadPosition } from "./store-calls.ts";
import type { StoreClient } from "./store-client.ts";

/** Records in memory that are not yet durable. A larger append is admitted alone. */
const PENDING_BYTES = 64 * 1024 * 1024;
/** A group of this size is handed over at once, so that packing goes on while it is written. */
const GROUP_BYTES = 4 * 1024 * 1024;

/** A topic as appends see it. */
export interface AppendTopic {
  readonly partitionIds: readonly number[];
  /** Partition of the next record without a key. */
  nextPartition: number;
}

interface Settle {
  resolve(): void;
  reject(error: unknown): void;
}

interface WaitingAppend extends Settle {
  readonly topic: AppendTopic;
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
}

class Group {
  bytes = 0;
  readonly members: Settle[] = [];
  readonly commits: CommittedOffset[] = [];
  readonly #writers = new Map<number, SegmentWriter>();
  readonly #full: PackedSegment[] = [];

  add(topic: AppendTopic, record: OutgoingRecord, now: number): void {
    const partitionId = partitionIdOf(topic, record.key);
    let writer = this.#writers.get(partitionId);
    if (writer === undefined) {
      writer = new SegmentWriter();
      this.#writers.set(partitionId, writer);
    }
    writer.add(record, now);
    if (writer.isFull) {
      this.#full.push(packed(partitionId, writer));
      this.#writers.delete(partitionId);
    }
  }

  /** In each partition in the order of their records. */
  segments(): PackedSegment[] {
    return [...this.#full, ...[...this.#writers].map(([partitionId, writer]) => packed(partitionId, writer))];
  }
}

export class GroupCommit {
  readonly #store: StoreClient;
  readonly #now: () => number;
  readonly #onWritten: (ends: readonly ReadPosition[], expirable: boolean) => void;
  readonly #queue: WaitingAppend[] = [];
  #gathering = new Group();
  #pendingBytes = 0;
  #underWay = 0;
  #scheduled = false;

  /** @param onWritten partitions whose end has moved, before the appends resolve; whether retention has work left */
  constructor(
    store: StoreClient,
    now: () => number,
    onWritten: (ends: readonly ReadPosition[], expirable: boolean) => void,
  ) {
    this.#store = store;
    this.#now = now;
    this.#onWritten = onWritten;
  }

  /** @param records checked */
  append(topic: AppendTopic, records: readonly OutgoingRecord[]): Promise<void> {
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    return new Promise((resolve, reject) => {
      this.#queue.push({ topic, records, bytes, resolve, reject });
      this.#admit();
    });
  }

  commit(offsets: readonly CommittedOffset[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#gathering.commits.push(...offsets);
      this.#gathering.members.push({ resolve, reject });
      this.#schedule();
    });
  }

  #admit(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (this.#pendingBytes > 0 && this.#pendingBytes + next.bytes > PENDING_BYTES) return;
      this.#queue.shift();
      const now = this.#now();
      for (const record of next.records) this.#gathering.add(next.topic, record, now);
      this.#gathering.bytes += next.bytes;
      this.#gathering.members.push(next);
      this.#pendingBytes += next.bytes;
      if (this.#gathering.bytes >= GROUP_BYTES) this.#handOver();
      else this.#schedule();
    }
  }

  /** Waits for the end of this turn of the event loop, so that what arrives in it shares the transaction. */
  #schedule(): void {
    if (this.#scheduled || this.#underWay > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#underWay === 0 && this.#gathering.members.length > 0) this.#handOver();
    });
  }

  async #handOver(): Promise<void> {
    const group = this.#gathering;
    this.#gathering = new Group();
    this.#underWay++;
    const segments = group.segments();
    const transfer = segments.map((segment) => segment.records.buffer);
    const call = { segments, commits: group.commits, now: this.#now() };
    try {
      const { ends, expirable } = await this.#store.call("write", call, transfer);
      this.#onWritten(ends, expirable);
      for (const member of group.members) member.resolve();
    } catch (error) {
      for (const member of group.members) member.reject(error);
    }
    this.#underWay--;
    this.#pendingBytes -= group.bytes;
    if (this.#underWay === 0 && this.#gathering.members.length > 0) this.#handOver();
    this.#admit();
  }
}

function partitionIdOf(topic: AppendTopic, key: string | null): number {
  const count = topic.partitionIds.length;
  const partition = key === null ? topic.nextPartition : partitionOf(key, count);
  if (key === null) topic.nextPartition = (topic.nextPartition + 1) % count;
  return topic.partitionIds[partition] ?? 0;
}

function packed(partitionId: number, writer: SegmentWriter): PackedSegment {
  const { recordCount, maxTimestamp } = writer;
  return { partitionId, recordCount, maxTimestamp, records: writer.finish() };
}
