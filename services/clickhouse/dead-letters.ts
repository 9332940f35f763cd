/** Records that were not accepted, as people look at them. */
import type { ClickHouse } from "./client.ts";

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

export interface SizedId {
  readonly id: string;
  /** Bytes of the record. */
  readonly size: number;
}

/** Those that match, in the order in which they were recorded. @throws ClickHouseError */
export function matchingDeadLetters(clickhouse: ClickHouse, filter: DeadLetterFilter): Promise<SizedId[]> {
  return clickhouse.query<SizedId>(
    `SELECT id, toUInt32(length(value)) AS size FROM dead_letters FINAL WHERE ${MATCHES} ORDER BY recorded_at, id`,
    filterParameters(filter),
  );
}
