/**
 * The activity log in one folder of this machine, for one process: SQLite in a thread of its own (store.ts), appends
 * joined into group commits (group-commit.ts), readers that wake when an append is durable (subscription.ts).
 */
import { join } from "node:path";
import type { ActivityLog, OutgoingRecord, SubscribeOptions, Subscription } from "../index.ts";
import { sending } from "../tracing.ts";
import { EmbeddedLogError } from "./errors.ts";
import { lockFolder } from "./folder-lock.ts";
import { type AppendTopic, GroupCommit } from "./group-commit.ts";
import type { LivePartition } from "./read-buffer.ts";
import { checkRecord } from "./segment.ts";
import type { EmbeddedLogStats, PartitionState, ReadPosition, Retention } from "./store-calls.ts";
import { StoreClient } from "./store-client.ts";
import { EmbeddedSubscription } from "./subscription.ts";

const FILE = "activity-log.sqlite";
const DEFAULT_PARTITIONS = 4;
/** How often a log that nobody appends to looks for records that have become too old. */
const AGE_CHECK_MILLISECONDS = 60_000;

export interface EmbeddedLogOptions {
  /** A folder of the log's own, made if need be; one process holds it at a time. */
  readonly path: string;
  /** Of topics that are new, default 4. A topic keeps the number it was made with. */
  readonly partitions?: number;
  /**
   * Default: everything is kept. Records go by size and age alone, also when a group has not read them: that group
   * goes on at the oldest record present. Age counts from the append, so that a replay of old activity is not lost.
   */
  readonly retention?: Retention;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
}

export interface EmbeddedLog extends ActivityLog {
  stats(): Promise<EmbeddedLogStats>;
  /** Deletes now what retention does not keep, in bounded steps between appends. */
  enforceRetention(): Promise<void>;
}

interface Topic extends AppendTopic {
  readonly partitions: readonly LivePartition[];
}

/**
 * @throws LogFolderHeldError when another process has the folder open
 * @throws EmbeddedLogError `corrupt`, `newer_format`, `io_error` or `disk_full` when the file cannot be opened
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { path, partitions = DEFAULT_PARTITIONS, retention = {}, now = Date.now } = options;
  if (!Number.isInteger(partitions) || partitions < 1) {
    throw new RangeError(`partitions is ${partitions}: give a whole number of at least 1`);
  }
  const lock = lockFolder(path, { pid: process.pid });
  try {
    const store = await StoreClient.open(join(path, FILE), retention);
    return new FileLog(
      { store, partitions, retention, now, release: lock.release },
      await store.call("partitions", undefined),
    );
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface LogParts {
  readonly store: StoreClient;
  readonly partitions: number;
  readonly retention: Retention;
  readonly now: () => number;
  readonly release: () => void;
}

class FileLog implements EmbeddedLog {
  readonly system = "productmatcher";
  readonly #parts: LogParts;
  readonly #groupCommit: GroupCommit;
  /** Promises, so that appends to a topic that is being made keep their order. */
  readonly #topics = new Map<string, Promise<Topic>>();
  readonly #partitions = new Map<number, LivePartition>();
  readonly #subscriptions = new Set<EmbeddedSubscription>();
  readonly #groups = new Set<string>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #ageCheck: NodeJS.Timeout | null;
  #enforcing: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  constructor(parts: LogParts, stored: readonly PartitionState[]) {
    this.#parts = parts;
    const { store, now, retention } = parts;
    this.#groupCommit = new GroupCommit(store, now, (ends, expirable) => this.#written(ends, expirable));
    for (const [name, partitions] of Map.groupBy(stored, (partition) => partition.topic)) {
      this.#topics.set(name, Promise.resolve(this.#live(partitions)));
    }
    this.#ageCheck =
      retention.maxAgeMilliseconds === undefined
        ? null
        : setInterval(() => this.#enforceInBackground(), AGE_CHECK_MILLISECONDS).unref();
    void store.failed.then((error) => {
      for (const subscription of this.#subscriptions) subscription.fail(error);
    });
  }

  async append(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    this.#checkOpen();
    for (const record of records) checkRecord(record);
    if (records.length === 0) return;
    await this.#track(
      sending(this.system, topic, records, async (traced) => {
        const known = await this.#topic(topic);
        await this.#groupCommit.append(known, traced);
      }),
    );
  }

  async subscribe({ group, topics, startFrom }: SubscribeOptions): Promise<Subscription> {
    this.#checkOpen();
    if (group !== null) this.#takeGroup(group);
    const free = (): void => void (group !== null && this.#groups.delete(group));
    try {
      const known = await Promise.all([...new Set(topics)].map((topic) => this.#topic(topic)));
      const start = await this.#start(
        group,
        known.flatMap((topic) => topic.partitions),
        startFrom,
      );
      this.#checkOpen();
      const subscription = new EmbeddedSubscription({
        group,
        start,
        store: this.#parts.store,
        commit: (offsets) => this.#track(this.#groupCommit.commit(offsets)),
        onClose: () => {
          this.#subscriptions.delete(subscription);
          free();
        },
      });
      this.#subscriptions.add(subscription);
      return subscription;
    } catch (error) {
      free();
      throw error;
    }
  }

  stats(): Promise<EmbeddedLogStats> {
    return this.#parts.store.call("stats", undefined);
  }

  enforceRetention(): Promise<void> {
    this.#enforcing ??= this.#expire().finally(() => {
      this.#enforcing = null;
    });
    return this.#enforcing;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#ageCheck !== null) clearInterval(this.#ageCheck);
    for (const subscription of [...this.#subscriptions]) await subscription.close();
    await Promise.allSettled([...this.#underWay, this.#enforcing]);
    try {
      await this.#parts.store.close();
    } finally {
      this.#parts.release();
    }
  }

  #topic(name: string): Promise<Topic> {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const made = this.#parts.store
      .call("createTopic", { topic: name, partitions: this.#parts.partitions })
      .then((partitions) => this.#live(partitions));
    this.#topics.set(name, made);
    made.catch(() => this.#topics.delete(name));
    return made;
  }

  #live(states: readonly PartitionState[]): Topic {
    const partitions = states.map((state): LivePartition => ({ ...state }));
    for (const partition of partitions) this.#partitions.set(partition.id, partition);
    return { partitions, partitionIds: partitions.map(({ id }) => id), nextPartition: 0 };
  }

  async #start(
    group: string | null,
    partitions: readonly LivePartition[],
    startFrom: SubscribeOptions["startFrom"],
  ): Promise<{ partition: LivePartition; offset: number }[]> {
    const { store } = this.#parts;
    const partitionIds = partitions.map(({ id }) => id);
    const bounds = await store.call("bounds", { group, partitionIds });
    const found = typeof startFrom === "number" ? await store.call("seek", { timestamp: startFrom, partitionIds }) : [];
    return partitions.map((partition, index) => {
      const { committed, oldest, end } = bounds[index] ?? { committed: null, oldest: 0, end: 0 };
      const fresh = startFrom === "Earliest" ? oldest : startFrom === "Latest" ? end : (found[index] ?? end);
      return { partition, offset: committed ?? fresh };
    });
  }

  #written(ends: readonly ReadPosition[], expirable: boolean): void {
    for (const { partitionId, offset } of ends) {
      const partition = this.#partitions.get(partitionId);
      if (partition !== undefined) partition.endOffset = offset;
    }
    if (ends.length > 0) for (const subscription of this.#subscriptions) subscription.wake();
    if (expirable) this.#enforceInBackground();
  }

  async #expire(): Promise<void> {
    const { store, now } = this.#parts;
    while (await store.call("expire", { now: now() }));
  }

  /** A refusal shows as a warning of the process; the next append or the next check tries again. */
  #enforceInBackground(): void {
    if (this.#closing === null) this.enforceRetention().catch((error: Error) => process.emitWarning(error));
  }

  #takeGroup(group: string): void {
    if (this.#groups.has(group)) {
      throw new EmbeddedLogError(
        "group_in_use",
        `group ${group} has a subscription already: the embedded log does not share a group, close that one first`,
      );
    }
    this.#groups.add(group);
  }

  /** `close` waits for it. */
  #track<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay.add(work);
    const done = (): void => void this.#underWay.delete(work);
    work.then(done, done);
    return work;
  }

  #checkOpen(): void {
    if (this.#closing !== null) {
      throw new EmbeddedLogError("closed", "the activity log is closed: open it again to append or subscribe");
    }
  }
}
