import type { TopicSpec } from "../../activity/index.ts";

/** The layouts that replay knows; `jsonlines` is any topic of the resource, one record a line. */
export const REPLAY_FORMATS = ["seed", "segment", "retailrocket", "uci", "otto", "jsonlines"] as const;

export type ReplayFormat = (typeof REPLAY_FORMATS)[number];

/** A record for the activity log. */
export interface ReplayRecord {
  readonly topic: string;
  /** The user, else the anonymous visitor, else the session, as the record names them; `null` when it names none. */
  readonly key: string | null;
  /** JSON lines: the bytes of the line as they stand. CSV and Parquet: a JSON object by column name. */
  readonly value: Uint8Array;
  /** `<file base name>#<row>`; rows count from 1, blank lines included and a CSV's header not. */
  readonly recordId: string;
  /** Milliseconds since 1970; `null` when not asked for, or when the record has no readable time. */
  readonly occurredAt: number | null;
}

/** A file opened for replay. */
export interface ReplaySource {
  readonly format: ReplayFormat;
  /** What the records' topics hold; each record's `topic` is one of their names. */
  readonly topics: readonly TopicSpec[];
  /** In the file, the bad ones included; blank lines are no records. */
  readonly records: number;
  /**
   * All records in the order of the file, at most `size` at a time (fewer when they are long), in bounded memory. What
   * cannot be understood is a record too: mapping refuses it and it becomes a dead letter.
   */
  batches(size: number): AsyncGenerator<ReplayRecord[], void, undefined>;
  /** Drops what was staged in ClickHouse. */
  close(): Promise<void>;
}

export type ReplaySourceErrorCode =
  | "not_found"
  | "not_a_file"
  | "path_unsupported"
  | "layout_unknown"
  | "unreadable"
  | "line_too_long";

/** A file that cannot be replayed: the message names the file, what was found and what to do. */
export class ReplaySourceError extends Error {
  readonly code: ReplaySourceErrorCode;
  readonly path: string;

  constructor(code: ReplaySourceErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options);
    this.name = "ReplaySourceError";
    this.code = code;
    this.path = path;
  }
}
