import type { ActivityLog } from "../activity-log/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { type FailedRecord, sentAgain } from "./dead-letter-record.ts";
import { inParts } from "./parts.ts";

/** A record that was not accepted, as people see it in a list. Times are ISO 8601. */
export interface DeadLetter {
  readonly id: string;
  readonly reason: string;
  readonly path: string;
  readonly message: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string;
  readonly recordedAt: string;
  readonly failedAt: string;
  readonly resolved: boolean;
  /** Bytes of the record. */
  readonly size: number;
}

export interface DeadLetterWithValue extends DeadLetter {
  readonly headers: Readonly<Record<string, string>>;
  readonly valueBase64: string;
}

export interface DeadLetterFilter {
  readonly topic?: string;
  readonly reason?: string;
  readonly ids?: readonly string[];
  /** Absent: open ones alone. */
  readonly includeResolved?: boolean;
}

const COLUMNS = `
  id, reason, path, message, topic, partition, toString(offset) AS offset, key,
  formatDateTime(recorded_at, '%FT%TZ') AS recordedAt, formatDateTime(failed_at, '%FT%TZ') AS failedAt, resolved,
  toUInt32(length(value)) AS size`;

const MATCHES = `
  ({includeResolved:Bool} OR NOT resolved)
  AND ({topic:String} = '' OR topic = {topic:String})
  AND ({reason:String} = '' OR reason = {reason:String})
  AND (empty({ids:Array(String)}) OR id IN {ids:Array(String)})`;

function filterParameters(filter: DeadLetterFilter) {
  return {
    topic: filter.topic ?? "",
    reason: filter.reason ?? "",
    ids: filter.ids ?? [],
    includeResolved: filter.includeResolved ?? false,
  };
}

/** The newest first. @throws ClickHouseError */
export function listDeadLetters(
  clickhouse: ClickHouse,
  filter: DeadLetterFilter,
  page: { readonly limit: number; readonly offset: number },
): Promise<DeadLetter[]> {
  return clickhouse.query<DeadLetter>(
    `SELECT ${COLUMNS} FROM dead_letters FINAL WHERE ${MATCHES}
     ORDER BY failed_at DESC, id LIMIT {limit:UInt32} OFFSET {skip:UInt32}`,
    { ...filterParameters(filter), limit: page.limit, skip: page.offset },
  );
}

export interface DeadLetterCount {
  readonly topic: string;
  readonly reason: string;
  readonly open: number;
  readonly resolved: number;
}

/** How many of each topic and reason. @throws ClickHouseError */
export function countDeadLetters(clickhouse: ClickHouse): Promise<DeadLetterCount[]> {
  return clickhouse.query<DeadLetterCount>(
    // Qualified: the bare name would mean the column of the answer.
    `SELECT topic, reason, toUInt32(countIf(NOT letter.resolved)) AS open, toUInt32(countIf(letter.resolved)) AS resolved
     FROM dead_letters AS letter FINAL GROUP BY topic, reason ORDER BY open DESC, topic, reason`,
  );
}

/** One with its bytes, open or resolved; `undefined` when there is none of that id. @throws ClickHouseError */
export async function showDeadLetter(clickhouse: ClickHouse, id: string): Promise<DeadLetterWithValue | undefined> {
  const [row] = await clickhouse.query<DeadLetterWithValue>(
    `SELECT ${COLUMNS}, headers, base64Encode(value) AS valueBase64
     FROM dead_letters FINAL WHERE id = {id:String}`,
    { id },
  );
  return row;
}

/** Of one append; a page ends at whichever comes first. */
const PAGE_RECORDS = 500;
const PAGE_BYTES = 16 * 1024 * 1024;

/**
 * Sends the records through again, by the mapping of today. Each keeps its identity, so that one that was stored after
 * all is not counted twice, and is marked resolved by the consumer once it passes.
 *
 * @returns how many records were sent
 * @throws ClickHouseError, or the log's error
 */
export async function replayDeadLetters(
  clickhouse: ClickHouse,
  log: ActivityLog,
  filter: DeadLetterFilter,
): Promise<number> {
  const matching = await clickhouse.query<SizedId>(
    `SELECT id, toUInt32(length(value)) AS size FROM dead_letters FINAL WHERE ${MATCHES} ORDER BY recorded_at, id`,
    filterParameters(filter),
  );
  for (const ids of pagesOf(matching)) {
    const letters = await clickhouse.query<StoredRecord>(
      `${RECORDS} WHERE id IN {ids:Array(String)} ORDER BY recorded_at, id`,
      { ids },
    );
    for (const [topic, group] of Map.groupBy(letters, (letter) => letter.topic)) {
      await log.append(
        topic,
        group.map((letter) => sentAgain(failedRecord(letter))),
      );
    }
  }
  return matching.length;
}

/**
 * Sends one record through again with other bytes in place of its own. It keeps its identity: once it passes, the dead
 * letter is resolved; if it does not, the dead letter holds the new bytes and the reason of today.
 *
 * @returns false when there is no open one of that id; then nothing was sent
 * @throws ClickHouseError, or the log's error
 */
export async function mendDeadLetter(
  clickhouse: ClickHouse,
  log: ActivityLog,
  id: string,
  value: Uint8Array,
): Promise<boolean> {
  const [letter] = await clickhouse.query<StoredRecord>(`${RECORDS} WHERE id = {id:String} AND NOT resolved`, { id });
  if (letter === undefined) return false;
  await log.append(letter.topic, [sentAgain({ ...failedRecord(letter), value })]);
  return true;
}

const RECORDS = `
SELECT id, topic, key, headers, toUnixTimestamp64Milli(recorded_at) AS recorded, base64Encode(value) AS valueBase64
FROM dead_letters FINAL`;

function failedRecord({ id, key, headers, recorded, valueBase64 }: StoredRecord): FailedRecord {
  return { id, key, headers, recordedAt: Number(recorded), value: Buffer.from(valueBase64, "base64") };
}

interface SizedId {
  readonly id: string;
  /** Bytes of the record. */
  readonly size: number;
}

interface StoredRecord {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly recorded: string;
  readonly valueBase64: string;
}

function* pagesOf(letters: readonly SizedId[]): Generator<string[]> {
  let page: string[] = [];
  let bytes = 0;
  for (const { id, size } of letters) {
    if (page.length === PAGE_RECORDS || (page.length > 0 && bytes + size > PAGE_BYTES)) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(id);
    bytes += size;
  }
  if (page.length > 0) yield page;
}

/** @throws ClickHouseError */
export async function markResolved(clickhouse: ClickHouse, ids: readonly string[], now: number): Promise<void> {
  for (const part of inParts(ids, (id) => [id])) await clickhouse.command(MARK_RESOLVED, { ids: part, now });
}

const MARK_RESOLVED = `
INSERT INTO dead_letters (
  id, reason, path, message, topic, partition, offset, key, headers, recorded_at, value, failed_at, resolved, updated_at
)
SELECT
  id, reason, path, message, topic, partition, offset, key, headers, recorded_at, value, failed_at, true,
  fromUnixTimestamp64Milli({now:Int64})
FROM dead_letters FINAL WHERE id IN {ids:Array(String)} AND NOT resolved`;
