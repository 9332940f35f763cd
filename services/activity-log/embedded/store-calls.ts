/**
 * What the log asks of the thread that owns the file. Arguments and results are cloned between threads; packed records
 * are transferred.
 */

export interface Retention {
  /** Of packed records (keys, headers and values), all topics together; the file is somewhat larger. */
  readonly maxBytes?: number;
  /** Since the append, whatever timestamps the records carry. */
  readonly maxAgeMilliseconds?: number;
}

export interface PartitionState {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly endOffset: number;
}

/** Records of one partition, packed by SegmentWriter. */
export interface PackedSegment {
  readonly partitionId: number;
  readonly recordCount: number;
  readonly maxTimestamp: number;
  readonly records: Uint8Array<ArrayBuffer>;
}

/** Records of one partition that follow each other, possibly several segments. */
export interface PackedRange {
  readonly partitionId: number;
  readonly baseOffset: number;
  readonly recordCount: number;
  readonly records: Uint8Array<ArrayBuffer>;
}

export interface CommittedOffset {
  readonly group: string;
  readonly partitionId: number;
  readonly offset: number;
}

export interface ReadPosition {
  readonly partitionId: number;
  readonly offset: number;
}

export interface PartitionBounds {
  readonly committed: number | null;
  /** Of the oldest record that is still present; the end when none is. */
  readonly oldest: number;
  readonly end: number;
}

export interface EmbeddedLogStats {
  /** Of packed records; what `retention.maxBytes` limits. */
  readonly storedBytes: number;
  readonly segments: number;
  /** Milliseconds since 1970; `null` for an empty log. */
  readonly oldestAppendedAt: number | null;
  /** Of the database file, without its write-ahead log. Freed space is used again, not given back. */
  readonly fileBytes: number;
  /** Durable transactions since the log was opened: appends that share one are fewer than appends. */
  readonly transactions: number;
}

export interface StoreCalls {
  partitions(): PartitionState[];
  /** Makes the topic unless it is there. */
  createTopic(call: { topic: string; partitions: number }): PartitionState[];
  /** One durable transaction. `expirable`: retention has more to delete. */
  write(call: { segments: PackedSegment[]; commits: CommittedOffset[]; now: number }): {
    ends: ReadPosition[];
    expirable: boolean;
  };
  /**
   * From each position, in turn, segment by segment until either limit is reached, the last segment going over it.
   * `passed`: partitions where nothing is left from the position on, and their end.
   */
  fetch(call: { positions: ReadPosition[]; maxRecords: number; maxBytes: number }): {
    ranges: PackedRange[];
    passed: ReadPosition[];
  };
  /** In the order of the ids. */
  bounds(call: { group: string | null; partitionIds: number[] }): PartitionBounds[];
  /** The offset of the first record with this timestamp or a later one, else the end; in the order of the ids. */
  seek(call: { timestamp: number; partitionIds: number[] }): number[];
  /** Deletes one bounded step of what retention does not keep. @returns whether there is more */
  expire(call: { now: number }): boolean;
  stats(): EmbeddedLogStats;
  close(): void;
}

export type StoreCallName = keyof StoreCalls;
export type StoreCallArgument<Name extends StoreCallName> = Parameters<StoreCalls[Name]>[0];

export interface StoreRequest {
  readonly id: number;
  readonly name: StoreCallName;
  readonly argument: unknown;
}

/** `id` of the request, 0 for the opening of the file. */
export type StoreReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: { readonly code: StoreFailureCode; readonly message: string } };

export type StoreFailureCode = "disk_full" | "io_error" | "corrupt" | "newer_format" | "storage_failed";
