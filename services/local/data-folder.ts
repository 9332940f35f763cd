import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { TopicSpec } from "../activity/index.ts";
import { type FolderLock, LogFolderHeldError, lockFolder } from "../activity-log/embedded/index.ts";

export type DataFolderErrorCode =
  /** The folder cannot be made, or written to. */
  | "unusable"
  /** A file of state in it cannot be read. */
  | "damaged_state";

/** The folder does not serve as it is. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
  readonly code: DataFolderErrorCode;

  constructor(code: DataFolderErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Everything that a pipeline on one machine keeps, in one folder that one process holds. */
export interface DataFolder {
  readonly path: string;
  readonly logPath: string;
  readonly clickHousePath: string;
  readonly postgresPath: string;
  /** The resource that the folder's data was made with; `null` in a new folder. */
  readResource(): string | null;
  writeResource(text: string): void;
  /** Topics beyond the resource's, whose records replays have put into the log. */
  readReplayedTopics(): TopicSpec[];
  writeReplayedTopics(topics: readonly TopicSpec[]): void;
  /**
   * A small state of a part's own, by name; `null` when it was never written.
   *
   * @throws DataFolderError when it is damaged
   */
  readState<T>(name: string, schema: z.ZodType<T>): T | null;
  writeState(name: string, state: unknown): void;
  /** Tells other commands where the admin API of this process is. */
  announce(address: string): void;
  release(): void;
}

const RESOURCE_FILE = "resource.yaml";
const REPLAYED_TOPICS = "replayed-topics";

/** Topics are written by this program alone: their shape was checked when they were first used. */
const storedTopics = z.array(z.custom<TopicSpec>((value) => typeof value === "object" && value !== null));

/**
 * Takes the folder, making it when absent.
 *
 * @throws LogFolderHeldError when another process has it
 * @throws DataFolderError when it cannot be made, or written to
 */
export function openDataFolder(path: string): DataFolder {
  const lock = take(path);
  const file = (name: string) => join(path, name);
  const readState = <T>(name: string, schema: z.ZodType<T>): T | null =>
    existsSync(file(`${name}.json`)) ? parseState(file(`${name}.json`), schema) : null;
  const writeState = (name: string, state: unknown) => writeWhole(file(`${name}.json`), JSON.stringify(state));
  return {
    path,
    logPath: file("log"),
    clickHousePath: file("clickhouse"),
    postgresPath: file("postgres"),
    readResource: () => (existsSync(file(RESOURCE_FILE)) ? readFileSync(file(RESOURCE_FILE), "utf8") : null),
    writeResource: (text) => writeWhole(file(RESOURCE_FILE), text),
    readReplayedTopics: () => readState(REPLAYED_TOPICS, storedTopics) ?? [],
    writeReplayedTopics: (topics) => writeState(REPLAYED_TOPICS, topics),
    readState,
    writeState,
    announce: (address) => lock.update({ pid: process.pid, address }),
    release: () => lock.release(),
  };
}

const OWN_ENTRIES = ["log", "clickhouse", "postgres", RESOURCE_FILE, `${REPLAYED_TOPICS}.json`, "simulation.json"];

/**
 * Deletes what a pipeline keeps in the folder, and nothing else that may be there.
 *
 * @throws LogFolderHeldError when a process has the folder
 * @throws DataFolderError when it cannot be made, or written to
 */
export function resetDataFolder(path: string): void {
  const lock = take(path);
  try {
    for (const entry of OWN_ENTRIES) rmSync(join(path, entry), { recursive: true, force: true });
  } finally {
    lock.release();
  }
}

function take(path: string): FolderLock {
  try {
    return lockFolder(path, { pid: process.pid });
  } catch (error) {
    if (error instanceof LogFolderHeldError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataFolderError(
      "unusable",
      `${path} cannot keep data (${reason}): name a folder that this user may write to (--data-dir)`,
      { cause: error },
    );
  }
}

/** Written whole, by this program alone: what cannot be read was damaged from outside. */
function parseState<T>(file: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new DataFolderError(
      "damaged_state",
      `${file} is damaged: put back a copy of it, or begin anew with "productmatcher local --reset"`,
      { cause: error },
    );
  }
}

/** Renamed into place, so that a stop in the middle leaves the old or the new text. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
