/**
 * The log's tables in one SQLite file, written by one thread.
 *
 * A row of `segment` holds the records of one partition in one group commit, packed (segment.ts), up to 256 KiB; lone
 * appends become segments of one record. Measured against a row for each record (200-byte values, commits of 1,000
 * over 4 partitions): 2 to 4 times less processor time for an append, more than 10 times less for a read. Pages of
 * 16 KiB and a checkpoint at 16 MiB doubled the append rate of SQLite's defaults.
 *
 * Segments are found by their last offset: the first with `last_offset >= position` holds the position or, when that
 * was deleted, the oldest record after it. `id` grows with time: retention deletes from the lowest. The end of a
 * partition is kept beside it, so that a partition that was emptied is not numbered anew.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { expiredCount, isExpired, type StoredSegment } from "./retention.ts";
import { SegmentReader } from "./segment.ts";
import type {
  PackedRange,
  PartitionState,
  ReadPosition,
  Retention,
  StoreCallArgument,
  StoreCalls,
} from "./store-calls.ts";

const FORMAT = 1;
const PAGE_BYTES = 16 * 1024;
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
/** A write-ahead log that one large append has stretched is cut back to this. */
const JOURNAL_BYTES = 64 * 1024 * 1024;
/** Segments that one transaction deletes at most: below 16 MiB of usual segments. */
const EXPIRE_STEP = 64;

const SCHEMA = `
  CREATE TABLE partition (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    number INTEGER NOT NULL,
    end_offset INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, number)
  ) STRICT;
  CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    partition_id INTEGER NOT NULL,
    last_offset INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    max_timestamp INTEGER NOT NULL,
    appended_at INTEGER NOT NULL,
    byte_count INTEGER NOT NULL,
    records BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX segment_by_offset
    ON segment (partition_id, last_offset, record_count, max_timestamp, byte_count);
  CREATE TABLE committed_offset (
    group_name TEXT NOT NULL,
    partition_id INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (group_name, partition_id)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${FORMAT};
`;

const INSERT_PARTITION = "INSERT OR IGNORE INTO partition (topic, number) VALUES (:topic, :number)";
const SELECT_PARTITIONS =
  "SELECT id, topic, number AS partition, end_offset AS endOffset FROM partition ORDER BY topic, number";
const UPDATE_END = "UPDATE partition SET end_offset = :endOffset WHERE id = :partitionId";
const INSERT_SEGMENT = `
  INSERT INTO segment (partition_id, last_offset, record_count, max_timestamp, appended_at, byte_count, records)
  VALUES (:partitionId, :lastOffset, :recordCount, :maxTimestamp, :now, :byteCount, :records)`;
const UPSERT_COMMIT = `
  INSERT INTO committed_offset (group_name, partition_id, next_offset) VALUES (:group, :partitionId, :offset)
  ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset`;
const SELECT_COMMIT = `
  SELECT next_offset AS offset FROM committed_offset WHERE group_name = :group AND partition_id = :partitionId`;
const SELECT_SEGMENT = `
  SELECT last_offset AS lastOffset, record_count AS recordCount, records FROM segment
  WHERE partition_id = :partitionId AND last_offset >= :offset ORDER BY last_offset LIMIT 1`;
const SELECT_OLDEST_OFFSET = `
  SELECT last_offset - record_count + 1 AS offset FROM segment
  WHERE partition_id = :partitionId ORDER BY last_offset LIMIT 1`;
const SELECT_SEGMENT_AT = `
  SELECT last_offset AS lastOffset, record_count AS recordCount, records FROM segment
  WHERE partition_id = :partitionId AND max_timestamp >= :timestamp ORDER BY last_offset LIMIT 1`;
const SELECT_OLDEST_SEGMENTS = `
  SELECT id, byte_count AS byteCount, appended_at AS appendedAt FROM segment ORDER BY id LIMIT :limit`;
const DELETE_SEGMENTS = "DELETE FROM segment WHERE id <= :id";
const SELECT_TOTALS = "SELECT count(*) AS segments, coalesce(sum(byte_count), 0) AS storedBytes FROM segment";

interface SegmentRow {
  lastOffset: number;
  recordCount: number;
  records: Uint8Array<ArrayBuffer>;
}

interface Totals {
  segments: number;
  storedBytes: number;
  oldestAppendedAt: number | null;
}

/** The file has a format that this version does not know. */
export class NewerFormatError extends Error {
  override readonly name = "NewerFormatError";
}

export class SegmentStore implements StoreCalls {
  readonly #database: DatabaseSync;
  readonly #retention: Retention;
  readonly #statements = new Map<string, StatementSync>();
  readonly #ends = new Map<number, number>();
  #totals: Totals;
  #transactions = 0;

  /** @throws NewerFormatError, or SQLite's own error */
  constructor(file: string, retention: Retention) {
    this.#database = new DatabaseSync(file, { timeout: 5_000 });
    this.#retention = retention;
    try {
      this.#database.exec(`
        PRAGMA page_size = ${PAGE_BYTES};
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_BYTES / PAGE_BYTES};
        PRAGMA journal_size_limit = ${JOURNAL_BYTES};
      `);
      this.#migrate(file);
      for (const { id, endOffset } of this.partitions()) this.#ends.set(id, endOffset);
      const totals = this.#prepare(SELECT_TOTALS).get() as unknown as Omit<Totals, "oldestAppendedAt">;
      this.#totals = { ...totals, oldestAppendedAt: this.#oldestSegments(1)[0]?.appendedAt ?? null };
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  partitions(): PartitionState[] {
    return this.#prepare(SELECT_PARTITIONS).all() as unknown as PartitionState[];
  }

  createTopic({ topic, partitions }: StoreCallArgument<"createTopic">): PartitionState[] {
    const existing = this.partitions().filter((partition) => partition.topic === topic);
    if (existing.length > 0) return existing;
    this.#transact(() => {
      for (let number = 0; number < partitions; number++) this.#prepare(INSERT_PARTITION).run({ topic, number });
    });
    const created = this.partitions().filter((partition) => partition.topic === topic);
    for (const { id, endOffset } of created) this.#ends.set(id, endOffset);
    return created;
  }

  write({ segments, commits, now }: StoreCallArgument<"write">): ReturnType<StoreCalls["write"]> {
    const ends = new Map<number, number>();
    let byteCount = 0;
    const totals = this.#transact(() => {
      for (const { partitionId, recordCount, maxTimestamp, records } of segments) {
        const endOffset = (ends.get(partitionId) ?? this.#endOf(partitionId)) + recordCount;
        this.#prepare(INSERT_SEGMENT).run({
          partitionId,
          lastOffset: endOffset - 1,
          recordCount,
          maxTimestamp,
          now,
          byteCount: records.byteLength,
          records,
        });
        ends.set(partitionId, endOffset);
        byteCount += records.byteLength;
      }
      for (const [partitionId, endOffset] of ends) this.#prepare(UPDATE_END).run({ partitionId, endOffset });
      for (const { group, partitionId, offset } of commits) {
        this.#prepare(UPSERT_COMMIT).run({ group, partitionId, offset });
      }
      const grown: Totals = {
        segments: this.#totals.segments + segments.length,
        storedBytes: this.#totals.storedBytes + byteCount,
        oldestAppendedAt: this.#totals.oldestAppendedAt ?? (segments.length > 0 ? now : null),
      };
      return this.#deleteExpired(grown, now);
    });
    this.#totals = totals;
    for (const [partitionId, endOffset] of ends) this.#ends.set(partitionId, endOffset);
    return {
      ends: [...ends].map(([partitionId, offset]) => ({ partitionId, offset })),
      expirable: this.#isExpirable(totals, now),
    };
  }

  fetch({ positions, maxRecords, maxBytes }: StoreCallArgument<"fetch">): ReturnType<StoreCalls["fetch"]> {
    const found = new Map<number, SegmentRow[]>();
    const passed: ReadPosition[] = [];
    let unread = positions;
    let records = 0;
    let bytes = 0;
    while (unread.length > 0) {
      const further: ReadPosition[] = [];
      for (const { partitionId, offset } of unread) {
        if (records >= maxRecords || bytes >= maxBytes) return { ranges: rangesOf(found), passed };
        const end = this.#endOf(partitionId);
        const segment = offset < end ? this.#segment(SELECT_SEGMENT, { partitionId, offset }) : undefined;
        if (segment === undefined) {
          if (!found.has(partitionId)) passed.push({ partitionId, offset: end });
          continue;
        }
        const segments = found.get(partitionId);
        if (segments === undefined) found.set(partitionId, [segment]);
        else segments.push(segment);
        records += segment.lastOffset + 1 - Math.max(offset, segment.lastOffset + 1 - segment.recordCount);
        bytes += segment.records.byteLength;
        further.push({ partitionId, offset: segment.lastOffset + 1 });
      }
      unread = further;
    }
    return { ranges: rangesOf(found), passed };
  }

  bounds({ group, partitionIds }: StoreCallArgument<"bounds">): ReturnType<StoreCalls["bounds"]> {
    return partitionIds.map((partitionId) => {
      const end = this.#endOf(partitionId);
      const committed = group === null ? undefined : this.#prepare(SELECT_COMMIT).get({ group, partitionId });
      const oldest = this.#prepare(SELECT_OLDEST_OFFSET).get({ partitionId });
      return {
        committed: committed === undefined ? null : Number(committed.offset),
        oldest: oldest === undefined ? end : Number(oldest.offset),
        end,
      };
    });
  }

  seek({ timestamp, partitionIds }: StoreCallArgument<"seek">): number[] {
    return partitionIds.map((partitionId) => {
      const segment = this.#segment(SELECT_SEGMENT_AT, { partitionId, timestamp });
      if (segment === undefined) return this.#endOf(partitionId);
      const { lastOffset, recordCount, records } = segment;
      const reader = new SegmentReader(records, lastOffset + 1 - recordCount, recordCount);
      while (reader.timestamp < timestamp) reader.skip();
      return reader.offset;
    });
  }

  expire({ now }: StoreCallArgument<"expire">): boolean {
    if (!this.#isExpirable(this.#totals, now)) return false;
    this.#totals = this.#transact(() => this.#deleteExpired(this.#totals, now));
    return this.#isExpirable(this.#totals, now);
  }

  stats(): ReturnType<StoreCalls["stats"]> {
    const { page_count: pages } = this.#database.prepare("PRAGMA page_count").get() as { page_count: number };
    return { ...this.#totals, fileBytes: pages * PAGE_BYTES, transactions: this.#transactions };
  }

  close(): void {
    this.#database.close();
  }

  #migrate(file: string): void {
    const { user_version: format } = this.#database.prepare("PRAGMA user_version").get() as { user_version: number };
    if (format > FORMAT) {
      throw new NewerFormatError(
        `${file} has format ${format}, this version knows up to ${FORMAT}: run the version that wrote it, or a newer one`,
      );
    }
    if (format === 0) this.#transact(() => this.#database.exec(SCHEMA));
  }

  #transact<Result>(work: () => Result): Result {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      this.#transactions++;
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #deleteExpired(totals: Totals, now: number): Totals {
    if (!this.#isExpirable(totals, now)) return totals;
    const oldest = this.#oldestSegments(EXPIRE_STEP + 1);
    const expired = expiredCount(oldest, totals.storedBytes, this.#retention, now);
    const last = oldest[expired - 1];
    if (last === undefined) return totals;
    this.#prepare(DELETE_SEGMENTS).run({ id: last.id });
    const freed = oldest.slice(0, expired).reduce((bytes, segment) => bytes + segment.byteCount, 0);
    return {
      segments: totals.segments - expired,
      storedBytes: totals.storedBytes - freed,
      oldestAppendedAt: oldest[expired]?.appendedAt ?? null,
    };
  }

  #isExpirable({ segments, storedBytes, oldestAppendedAt }: Totals, now: number): boolean {
    if (segments < 2 || oldestAppendedAt === null) return false;
    return isExpired(oldestAppendedAt, storedBytes, this.#retention, now);
  }

  #oldestSegments(limit: number): StoredSegment[] {
    return this.#prepare(SELECT_OLDEST_SEGMENTS).all({ limit }) as unknown as StoredSegment[];
  }

  #segment(sql: string, parameters: Record<string, number>): SegmentRow | undefined {
    return this.#prepare(sql).get(parameters) as unknown as SegmentRow | undefined;
  }

  #endOf(partitionId: number): number {
    return this.#ends.get(partitionId) ?? 0;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function rangesOf(found: ReadonlyMap<number, readonly SegmentRow[]>): PackedRange[] {
  const ranges: PackedRange[] = [];
  for (const [partitionId, segments] of found) {
    const [first] = segments;
    if (first === undefined) continue;
    const recordCount = segments.reduce((count, segment) => count + segment.recordCount, 0);
    const records = segments.length === 1 ? first.records : joined(segments.map((segment) => segment.records));
    ranges.push({ partitionId, baseOffset: first.lastOffset + 1 - first.recordCount, recordCount, records });
  }
  return ranges;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = Buffer.allocUnsafeSlow(parts.reduce((bytes, part) => bytes + part.byteLength, 0));
  let length = 0;
  for (const part of parts) {
    whole.set(part, length);
    length += part.byteLength;
  }
  return whole;
}
