/**
 * The activity log on this machine alone, in place of Kafka; and the lock that lets one process hold a folder.
 */
export { EmbeddedLogError, type EmbeddedLogErrorCode, type FolderHolder, LogFolderHeldError } from "./errors.ts";
export { type FolderLock, lockFolder, readHolder } from "./folder-lock.ts";
export { type EmbeddedLog, type EmbeddedLogOptions, openEmbeddedLog } from "./log.ts";
export type { EmbeddedLogStats, Retention } from "./store-calls.ts";
