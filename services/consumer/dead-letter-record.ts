/**
 * A dead letter as a record of the log: how it is kept on the topic of dead letters, and how it is sent again.
 */
import { type LogRecord, type OutgoingRecord, RECORD_ID_HEADER, RECORD_TIME_HEADER } from "../activity-log/index.ts";
import { DEAD_LETTER_HEADER } from "./prepare.ts";
import type { DeadLetterRow } from "./rows.ts";

/** A record that was not accepted, with what it needs to be the same record when it is sent again. */
export interface FailedRecord {
  readonly id: string;
  /** `""`: none. */
  readonly key: string;
  /** As the record had them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly recordedAt: number;
  readonly value: Uint8Array;
}

/** As the topic of dead letters has it. */
export interface TopicLetter extends FailedRecord {
  readonly topic: string;
  readonly reason: string;
  /** The record was too large for the topic of dead letters: its value is in ClickHouse alone. */
  readonly isWithoutValue: boolean;
}

/** What the headers that we add begin with; a contract of docs/dead-letters.md. */
const PREFIX = "productmatcher-dead-letter-";
const OMITTED = `${PREFIX}value-omitted`;

/** The record itself, with what is wrong with it in its headers. */
export function letterRecord(row: DeadLetterRow): OutgoingRecord {
  return {
    key: row.key === "" ? null : row.key,
    value: Buffer.from(row.value_base64, "base64"),
    headers: {
      ...row.headers,
      [RECORD_ID_HEADER]: row.id,
      [`${PREFIX}reason`]: row.reason,
      [`${PREFIX}path`]: row.path,
      [`${PREFIX}message`]: row.message,
      [`${PREFIX}topic`]: row.topic,
      [`${PREFIX}partition`]: String(row.partition),
      [`${PREFIX}offset`]: String(row.offset),
      [`${PREFIX}time`]: String(row.recorded_at),
      [`${PREFIX}failed-at`]: String(row.failed_at),
    },
  };
}

/** Key, headers and the size, for a topic that does not take the whole. */
export function withoutValue(record: OutgoingRecord): OutgoingRecord {
  const bytes = String(record.value.byteLength);
  return { ...record, value: new Uint8Array(), headers: { ...record.headers, [OMITTED]: bytes } };
}

/** `null` for a record that is no dead letter. */
export function readLetter({ key, value, headers, timestamp }: LogRecord): TopicLetter | null {
  const id = headers[RECORD_ID_HEADER];
  const topic = headers[`${PREFIX}topic`];
  if (id === undefined || topic === undefined) return null;
  const recordedAt = Number(headers[`${PREFIX}time`]);
  return {
    id,
    topic,
    reason: headers[`${PREFIX}reason`] ?? "",
    key: key ?? "",
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(PREFIX))),
    recordedAt: Number.isSafeInteger(recordedAt) ? recordedAt : timestamp,
    value,
    isWithoutValue: headers[OMITTED] !== undefined,
  };
}

/** The same record once more, for its own topic: known by its identity, as old as it was. */
export function sentAgain({ id, key, headers, recordedAt, value }: FailedRecord): OutgoingRecord {
  return {
    key: key === "" ? null : key,
    value,
    headers: {
      ...headers,
      [RECORD_ID_HEADER]: id,
      [RECORD_TIME_HEADER]: String(recordedAt),
      [DEAD_LETTER_HEADER]: "replay",
    },
    timestamp: recordedAt,
  };
}
