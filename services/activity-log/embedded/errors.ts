/**
 * What can go wrong with the embedded log, as types with a code.
 */

export type EmbeddedLogErrorCode =
  /** Another process, or another part of this one, has the folder open. */
  | "folder_held"
  /** The device or its quota is full: nothing of the append was written. */
  | "disk_full"
  /** The operating system refused a read or a write. */
  | "io_error"
  /** The file is not a log, or it is damaged. */
  | "corrupt"
  /** The file was written by a newer version of this program. */
  | "newer_format"
  /** Any other refusal of SQLite. */
  | "storage_failed"
  /** The thread that owns the file ended unexpectedly. */
  | "worker_failed"
  | "closed"
  | "invalid_record"
  | "invalid_position"
  | "group_in_use"
  | "poll_under_way";

export class EmbeddedLogError extends Error {
  override readonly name: string = "EmbeddedLogError";
  readonly code: EmbeddedLogErrorCode;

  constructor(code: EmbeddedLogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Who holds a folder. */
export interface FolderHolder {
  readonly pid: number;
  /** Where its admin API answers, when it has one. */
  readonly address?: string;
}

export class LogFolderHeldError extends EmbeddedLogError {
  override readonly name = "LogFolderHeldError";
  readonly path: string;
  /** `null`: the holder has not said yet who it is. */
  readonly holder: FolderHolder | null;

  constructor(path: string, holder: FolderHolder | null) {
    const who = holder === null ? "another process" : `process ${holder.pid}`;
    const talk = holder?.address === undefined ? "" : `, talk to it at ${holder.address}`;
    super("folder_held", `${path} is held by ${who}. Stop that process${talk}, or choose another folder.`);
    this.path = path;
    this.holder = holder;
  }
}
