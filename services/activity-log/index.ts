/**
 * The activity log: what the shop sent, durable, in keyed partitions, read by groups that commit how far they came
 * and by tails that do not. Kafka in production, SQLite embedded; both behind this one narrow interface.
 */

export interface OutgoingRecord {
  /** Records of one key keep their order: they share a partition. `null` spreads over all partitions. */
  readonly key: string | null;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; the time of the append when absent. */
  readonly timestamp?: number;
}

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestamp: number;
}

/** Where a reader goes on: `offset` is the next record to read. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface PartitionLag extends Position {
  /** One past the last record. */
  readonly endOffset: number;
}

export interface PollLimits {
  readonly maxRecords: number;
  /** Of values; one record above it is still returned, alone. */
  readonly maxBytes: number;
  /** How long to wait for the first record. */
  readonly waitMilliseconds: number;
}

export interface SubscribeOptions {
  /** Offsets are kept under this name. `null`: a tail, which commits nothing. */
  readonly group: string | null;
  readonly topics: readonly string[];
  /** Where to begin in a partition without a committed offset; a number is a time in milliseconds since 1970. */
  readonly startFrom: "Earliest" | "Latest" | number;
}

export interface Subscription {
  /** Records in order of offset within each partition; empty when none came in time. One poll at a time. */
  poll(limits: PollLimits): Promise<readonly LogRecord[]>;
  /**
   * Durable when it resolves. Where members share a group, positions of partitions that another member holds by now are
   * left out. @throws Error on a subscription without a group.
   */
  commit(positions: readonly Position[]): Promise<void>;
  /** What was read ahead and no poll has handed out, in bytes. */
  bufferedBytes(): number;
  /** Committed position (tails: read position) and end of every partition of its topics. */
  lag(): Promise<readonly PartitionLag[]>;
  close(): Promise<void>;
}

export interface ActivityLog {
  /** What it is, in traces: OpenTelemetry's `messaging.system`. */
  readonly system: "kafka" | "productmatcher";
  /**
   * Resolves when the records are durable. On an error the embedded log has none of them; Kafka may have some or all,
   * when its acknowledgement was lost: append them again, readers absorb repeats.
   */
  append(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** Ends every subscription and waits for appends under way. */
  close(): Promise<void>;
}

/** Header that carries a record's own identity where topic, partition and offset do not (a file that is replayed). */
export const RECORD_ID_HEADER = "productmatcher-record-id";

/** Header that carries a record's own time, in milliseconds since 1970, where the log's is that of a later append. */
export const RECORD_TIME_HEADER = "productmatcher-record-time";

/** Whether an append failed because a record is larger than its topic takes: the same record will never fit. */
export function isRecordTooLarge(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "record_too_large";
}
