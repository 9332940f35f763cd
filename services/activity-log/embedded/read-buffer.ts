/**
 * What a subscription has fetched and not yet handed out: ranges of packed records for each partition, and the
 * decision which records the next poll gets and what to fetch for it. Fair: polls take from all partitions alike.
 */
import type { LogRecord, PollLimits } from "../index.ts";
import { SegmentReader } from "./segment.ts";
import type { PackedRange, ReadPosition } from "./store-calls.ts";

/** A partition as its subscriptions see it; `endOffset` moves with appends. */
export interface LivePartition {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  endOffset: number;
}

interface Cursor {
  readonly partition: LivePartition;
  /** Next offset to fetch. */
  fetchOffset: number;
  /** Next offset to hand out. */
  readOffset: number;
  readonly ranges: SegmentReader[];
}

export class ReadBuffer {
  readonly #cursors: readonly Cursor[];
  /** Whose turn it is in the next poll. */
  #turn = 0;

  constructor(start: readonly { readonly partition: LivePartition; readonly offset: number }[]) {
    this.#cursors = start.map(({ partition, offset }) => ({
      partition,
      fetchOffset: offset,
      readOffset: offset,
      ranges: [],
    }));
  }

  /** Next offset to hand out, for each partition in order. */
  readOffsets(): number[] {
    return this.#cursors.map((cursor) => cursor.readOffset);
  }

  /** Of the records at hand, as they are stored. */
  get bytes(): number {
    return this.#cursors.flatMap(({ ranges }) => ranges).reduce((sum, reader) => sum + reader.bytesLeft, 0);
  }

  /** Whether the log holds records that are not fetched yet. */
  get isBehind(): boolean {
    return this.#cursors.some(isBehind);
  }

  /**
   * What to fetch before a poll with these limits, `null` for nothing: partitions of which nothing is at hand come
   * first, so that a long backlog in one does not hold up the others.
   */
  fetchFor(limits: PollLimits): { positions: ReadPosition[]; maxRecords: number; maxBytes: number } | null {
    const behind = this.#inTurn().filter(isBehind);
    const hungry = behind.filter((cursor) => cursor.ranges.length === 0);
    const atHand = this.#cursors.reduce((sum, cursor) => sum + availableIn(cursor), 0);
    const wanted = atHand < limits.maxRecords ? [...hungry, ...behind.filter((c) => !hungry.includes(c))] : hungry;
    if (wanted.length === 0) return null;
    return {
      positions: wanted.map(({ partition, fetchOffset }) => ({ partitionId: partition.id, offset: fetchOffset })),
      maxRecords: Math.max(limits.maxRecords - atHand, 1),
      maxBytes: limits.maxBytes,
    };
  }

  add(ranges: readonly PackedRange[], passed: readonly ReadPosition[]): void {
    for (const { partitionId, baseOffset, recordCount, records } of ranges) {
      const cursor = this.#cursors.find((candidate) => candidate.partition.id === partitionId);
      if (cursor === undefined) continue;
      const reader = new SegmentReader(records, baseOffset, recordCount);
      while (reader.offset < cursor.fetchOffset) reader.skip();
      cursor.ranges.push(reader);
      cursor.fetchOffset = baseOffset + recordCount;
    }
    for (const { partitionId, offset } of passed) {
      const cursor = this.#cursors.find((candidate) => candidate.partition.id === partitionId);
      if (cursor === undefined) continue;
      cursor.fetchOffset = offset;
      if (cursor.ranges.length === 0) cursor.readOffset = offset;
    }
  }

  /** The next records, as many as the limits allow of what is at hand. */
  take({ maxRecords, maxBytes }: PollLimits): LogRecord[] {
    const taken: LogRecord[] = [];
    let bytes = 0;
    let open = this.#inTurn().filter((cursor) => cursor.ranges.length > 0);
    this.#turn = (this.#turn + 1) % Math.max(this.#cursors.length, 1);
    while (open.length > 0) {
      const share = Math.ceil((maxRecords - taken.length) / open.length);
      for (const cursor of open) {
        const { topic, partition } = cursor.partition;
        for (let left = Math.min(share, maxRecords - taken.length); left > 0; left--) {
          const reader = cursor.ranges[0];
          if (reader === undefined) break;
          bytes += reader.valueBytes;
          if (bytes > maxBytes && taken.length > 0) {
            this.#turn = this.#cursors.indexOf(cursor);
            return taken;
          }
          taken.push(reader.next(topic, partition));
          cursor.readOffset = reader.offset;
          if (reader.remaining === 0) cursor.ranges.shift();
        }
        if (taken.length === maxRecords) return taken;
      }
      open = open.filter((cursor) => cursor.ranges.length > 0);
    }
    return taken;
  }

  #inTurn(): Cursor[] {
    return [...this.#cursors.slice(this.#turn), ...this.#cursors.slice(0, this.#turn)];
  }
}

function isBehind(cursor: Cursor): boolean {
  return cursor.fetchOffset < cursor.partition.endOffset;
}

function availableIn(cursor: Cursor): number {
  return cursor.ranges.reduce((sum, reader) => sum + reader.remaining, 0);
}
