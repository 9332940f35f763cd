/**
 * One process holds a folder. The lock is an EXCLUSIVE transaction on an empty SQLite file in it: the kernel releases
 * it when the process ends in whatever way, so that kill -9 leaves no stale lock. Who holds it stands in a JSON file
 * beside it, which alone means nothing.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { type FolderHolder, LogFolderHeldError } from "./errors.ts";

const LOCK_FILE = "lock.sqlite";
const HOLDER_FILE = "holder.json";
/** Outlasts a `readHolder` that looks at the same moment. */
const PROBE_PATIENCE_MILLISECONDS = 250;

const holderSchema = z.object({ pid: z.int(), address: z.string().exactOptional() });

export interface FolderLock {
  /** Says who holds the folder; replaces what was said before. */
  update(info: FolderHolder): void;
  /** May be called again without effect. */
  release(): void;
}

/**
 * Takes the folder for this process, creating it if need be.
 * @throws LogFolderHeldError when it is taken, by another process or by this one.
 */
export function lockFolder(path: string, info: FolderHolder): FolderLock {
  mkdirSync(path, { recursive: true });
  const database = new DatabaseSync(join(path, LOCK_FILE), { timeout: PROBE_PATIENCE_MILLISECONDS });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new LogFolderHeldError(path, storedHolder(path));
    throw error;
  }
  writeHolder(path, info);
  return {
    update: (next) => writeHolder(path, next),
    release() {
      if (!database.isOpen) return;
      rmSync(join(path, HOLDER_FILE), { force: true });
      database.close();
    },
  };
}

/** Who holds the folder now; `null` when nobody does, or when the holder has not said yet who it is. */
export function readHolder(path: string): FolderHolder | null {
  const file = join(path, LOCK_FILE);
  if (!existsSync(file)) return null;
  const database = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  try {
    database.exec("SELECT 1 FROM sqlite_schema");
    return null;
  } catch (error) {
    if (isBusy(error)) return storedHolder(path);
    throw error;
  } finally {
    database.close();
  }
}

/** Renamed into place, so that a reader sees the old or the new text, never half of one. */
function writeHolder(path: string, info: FolderHolder): void {
  const file = join(path, HOLDER_FILE);
  writeFileSync(`${file}.new`, JSON.stringify(info));
  renameSync(`${file}.new`, file);
}

function storedHolder(path: string): FolderHolder | null {
  const file = join(path, HOLDER_FILE);
  return existsSync(file) ? holderSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
}

function isBusy(error: unknown): boolean {
  const SQLITE_BUSY = 5;
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}
