import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { TopicSpec } from "../activity/index.ts";
import { type FolderLock, lockFolder } from "../activity-log/embedded/index.ts";

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
  /** A small state of a part's own, by name; `null` when it was never written. */
  readState(name: string): unknown;
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
 */
export function openDataFolder(path: string): DataFolder {
  mkdirSync(path, { recursive: true });
  const lock: FolderLock = lockFolder(path, { pid: process.pid });
  const file = (name: string) => join(path, name);
  const readState = (name: string): unknown =>
    existsSync(file(`${name}.json`)) ? JSON.parse(readFileSync(file(`${name}.json`), "utf8")) : null;
  const writeState = (name: string, state: unknown) => writeWhole(file(`${name}.json`), JSON.stringify(state));
  return {
    path,
    logPath: file("log"),
    clickHousePath: file("clickhouse"),
    postgresPath: file("postgres"),
    readResource: () => (existsSync(file(RESOURCE_FILE)) ? readFileSync(file(RESOURCE_FILE), "utf8") : null),
    writeResource: (text) => writeWhole(file(RESOURCE_FILE), text),
    readReplayedTopics: () => storedTopics.parse(readState(REPLAYED_TOPICS) ?? []),
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
 */
export function resetDataFolder(path: string): void {
  const lock = lockFolder(path, { pid: process.pid });
  try {
    for (const entry of OWN_ENTRIES) rmSync(join(path, entry), { recursive: true, force: true });
  } finally {
    lock.release();
  }
}

/** Renamed into place, so that a stop in the middle leaves the old or the new text. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
