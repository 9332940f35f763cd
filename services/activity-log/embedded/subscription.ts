/**
 * A reader of some topics. Asleep while there is nothing to read; the log wakes it when an append is durable.
 */
import type { LogRecord, PartitionLag, PollLimits, Position, Subscription } from "../index.ts";
import { EmbeddedLogError } from "./errors.ts";
import { type LivePartition, ReadBuffer } from "./read-buffer.ts";
import type { CommittedOffset } from "./store-calls.ts";
import type { StoreClient } from "./store-client.ts";

export interface SubscriptionParts {
  readonly group: string | null;
  /** Where each partition of its topics begins. */
  readonly start: readonly { readonly partition: LivePartition; readonly offset: number }[];
  readonly store: StoreClient;
  readonly commit: (offsets: readonly CommittedOffset[]) => Promise<void>;
  readonly onClose: () => void;
}

export class EmbeddedSubscription implements Subscription {
  readonly #parts: SubscriptionParts;
  readonly #buffer: ReadBuffer;
  #polling = false;
  #closed = false;
  #failure: Error | null = null;
  #wake: () => void = () => {};

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#buffer = new ReadBuffer(parts.start);
  }

  /** Something has changed: an end has moved, or the subscription was closed. */
  wake(): void {
    this.#wake();
  }

  /** The log cannot go on: the poll that waits, and every later one, is rejected. */
  fail(error: Error): void {
    this.#failure = error;
    this.#wake();
  }

  async poll(limits: PollLimits): Promise<readonly LogRecord[]> {
    this.#checkOpen();
    if (this.#polling) {
      throw new EmbeddedLogError("poll_under_way", "one poll at a time: await the one before");
    }
    this.#polling = true;
    let expired = limits.waitMilliseconds <= 0;
    let timer: NodeJS.Timeout | undefined;
    try {
      for (;;) {
        if (this.#failure !== null) throw this.#failure;
        await this.#fetch(limits);
        if (this.#closed) return [];
        const records = this.#buffer.take(limits);
        if (records.length > 0) return records;
        if (this.#buffer.isBehind) continue;
        if (expired) return [];
        timer ??= setTimeout(() => {
          expired = true;
          this.#wake();
        }, limits.waitMilliseconds);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      this.#polling = false;
    }
  }

  /** Allows any offset from 0 to the end of the partition, also one before what was committed. */
  async commit(positions: readonly Position[]): Promise<void> {
    this.#checkOpen();
    const { group, commit } = this.#parts;
    if (group === null) {
      throw new EmbeddedLogError("invalid_position", "a tail (group null) has no offsets to commit: name a group");
    }
    if (positions.length === 0) return;
    await commit(
      positions.map((position) => ({ group, partitionId: this.#checked(position).id, offset: position.offset })),
    );
  }

  /** Where the group, or the tail, would go on: never before the oldest record that is still present. */
  async lag(): Promise<readonly PartitionLag[]> {
    this.#checkOpen();
    const { group, start, store } = this.#parts;
    const read = this.#buffer.readOffsets();
    const bounds = await store.call("bounds", { group, partitionIds: start.map(({ partition }) => partition.id) });
    return start.map(({ partition: { topic, partition }, offset }, index) => {
      const { committed, oldest, end } = bounds[index] ?? { committed: null, oldest: offset, end: offset };
      const position = group === null ? (read[index] ?? offset) : (committed ?? offset);
      return { topic, partition, offset: Math.max(position, oldest), endOffset: end };
    });
  }

  bufferedBytes(): number {
    return this.#buffer.bytes;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    this.#parts.onClose();
  }

  async #fetch(limits: PollLimits): Promise<void> {
    const request = this.#buffer.fetchFor(limits);
    if (request === null || this.#closed) return;
    const { ranges, passed } = await this.#parts.store.call("fetch", request);
    this.#buffer.add(ranges, passed);
  }

  #checkOpen(): void {
    if (this.#closed) throw new EmbeddedLogError("closed", "the subscription is closed: subscribe again");
  }

  #checked({ topic, partition, offset }: Position): LivePartition {
    const known = this.#parts.start.find((s) => s.partition.topic === topic && s.partition.partition === partition);
    if (known === undefined) {
      throw new EmbeddedLogError("invalid_position", `${topic}/${partition} is no partition of this subscription`);
    }
    const end = known.partition.endOffset;
    if (!Number.isInteger(offset) || offset < 0 || offset > end) {
      throw new EmbeddedLogError(
        "invalid_position",
        `offset ${offset} of ${topic}/${partition} is not within 0 and ${end}, the end of the partition`,
      );
    }
    return known.partition;
  }
}
