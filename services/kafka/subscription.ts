/**
 * A reader of some topics: as a member of a group, or, under a group of its own that is deleted afterwards, as a tail of
 * all partitions (kafkajs has no consumer without a group).
 *
 * What one membership tells is kept as tenures and buffers; a membership that ends is followed by another. A tail and a
 * member that was never out of its group go on where they were, so that a rebalance repeats nothing.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type {
  LogRecord,
  PartitionLag,
  PollLimits,
  Position,
  SubscribeOptions,
  Subscription,
} from "../activity-log/index.ts";
import type { KafkaAdmin } from "./admin.ts";
import { PartitionBuffers } from "./buffers.ts";
import { KafkaLogError, kafkaLogError } from "./errors.ts";
import { type Fetched, Membership, type MembershipListener } from "./membership.ts";
import type { CompiledOptions } from "./options.ts";
import { persist } from "./patience.ts";
import { type Start, StartPositions } from "./start.ts";
import { keyOf, type Tenure, Tenures, type TopicPartition } from "./tenures.ts";

const RESTART_WAIT_MILLISECONDS = 500;

export interface SubscriptionStatus {
  /** When the loop last went round, in milliseconds since 1970: one that stands still is dead. */
  readonly lastTick: number;
  readonly partitions: number;
  readonly bufferedBytes: number;
}

export interface KafkaSubscriptionParts {
  readonly options: CompiledOptions;
  readonly admin: KafkaAdmin;
  /** `null` for a tail. */
  readonly group: string | null;
  /** What the members of this subscription call their group. */
  readonly memberGroup: string;
  readonly subscribe: SubscribeOptions;
  readonly onClose: (subscription: KafkaSubscription) => void;
}

export class KafkaSubscription implements Subscription, MembershipListener {
  readonly #parts: KafkaSubscriptionParts;
  readonly #tenures = new Tenures();
  readonly #buffers = new PartitionBuffers();
  readonly #starts: StartPositions;
  readonly #paused = new Set<string>();
  readonly #closing = new AbortController();
  #membership: Membership | null = null;
  #memberId: string | null = null;
  /** Resolves when it is known again which partitions are held. */
  #settled = Promise.withResolvers<void>();
  #ready = Promise.withResolvers<void>();
  #committing: Promise<unknown> = Promise.resolve();
  #polling = false;
  #wake: () => void = () => {};
  #lastTick: number;
  #lastFailure: KafkaLogError | null = null;

  constructor(parts: KafkaSubscriptionParts) {
    this.#parts = parts;
    this.#starts = new StartPositions(parts);
    this.#lastTick = parts.options.now();
  }

  /** Resolves once every partition that this member was given is being read from its right place. */
  async open(): Promise<void> {
    const { options } = this.#parts;
    await this.#starts.lookUp();
    const doing = `joining group ${this.#parts.memberGroup}`;
    const milliseconds = options.requestTimeoutMilliseconds;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(milliseconds)]);
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const expire = () => late.reject(this.#lastFailure ?? signal.reason);
    signal.addEventListener("abort", expire);
    try {
      await persist(options, { doing, milliseconds, signal, passes: (error) => !this.#blames(error) }, () =>
        this.#join(),
      );
      await Promise.race([this.#ready.promise, late.promise]);
    } catch (error) {
      throw kafkaLogError(doing, error, { group: this.#parts.memberGroup });
    } finally {
      signal.removeEventListener("abort", expire);
    }
  }

  async poll(limits: PollLimits): Promise<readonly LogRecord[]> {
    this.#checkOpen();
    if (this.#polling) throw new KafkaLogError("poll_under_way", "one poll at a time: await the one before");
    this.#polling = true;
    let expired = limits.waitMilliseconds <= 0;
    let timer: NodeJS.Timeout | undefined;
    try {
      // A caller that asks for one poll after the other must not keep the rest of an answer, or a heartbeat, waiting.
      await nextTurn();
      for (;;) {
        if (this.#closing.signal.aborted) return [];
        const records = this.#buffers.take(limits);
        if (records.length > 0) {
          for (const record of records) this.#tenures.handedOut(record, record.offset + 1);
          for (const tenure of this.#tenures.held()) this.#regulate(tenure);
          return records;
        }
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

  /**
   * Positions of partitions that this process holds no longer, and positions beyond what `poll` handed out of them, are
   * left out: whoever holds the partition now reads on from what was committed before.
   *
   * @throws KafkaLogError `commit_unconfirmed` when the brokers did not confirm in time, `invalid_position`, `closed`
   */
  async commit(positions: readonly Position[]): Promise<void> {
    this.#checkOpen();
    const { group, options, subscribe } = this.#parts;
    if (group === null) {
      throw new KafkaLogError("invalid_position", "a tail (group null) has no offsets to commit: name a group");
    }
    for (const { topic, partition, offset } of positions) {
      if (subscribe.topics.includes(topic) && Number.isSafeInteger(offset) && offset >= 0) continue;
      const message = `offset ${offset} of ${topic}/${partition} is no position of this subscription`;
      throw new KafkaLogError("invalid_position", message, { topic, partition, group });
    }
    const doing = `committing positions of group ${group}`;
    const milliseconds = options.commitTimeoutMilliseconds;
    const patience = { doing, place: { group }, milliseconds, signal: this.#closing.signal };
    const before = this.#committing;
    const committed = before.then(() => persist(options, patience, () => this.#commitHeld(group, positions)));
    this.#committing = committed.catch(() => {});
    await committed.catch((error: unknown) => {
      this.#checkOpen();
      const failure = kafkaLogError(doing, error, { group });
      if (!["unreachable", "refused"].includes(failure.code)) throw failure;
      throw new KafkaLogError(
        "commit_unconfirmed",
        `${doing}: not confirmed within ${milliseconds} ms; what is not committed is read again`,
        { group },
        { cause: error },
      );
    });
  }

  async lag(): Promise<readonly PartitionLag[]> {
    this.#checkOpen();
    const { admin, group, subscribe } = this.#parts;
    const committed = group === null ? null : await admin.committed(group, subscribe.topics);
    const lags: PartitionLag[] = [];
    const ends = await Promise.all(
      subscribe.topics.map(async (topic) => ({ topic, ofTopic: await admin.ends(topic) })),
    );
    for (const { topic, ofTopic } of ends) {
      for (const { partition, low, high } of ofTopic) {
        const position =
          committed === null ? this.#readPosition({ topic, partition }) : committed.get(topic)?.get(partition);
        const offset = position ?? this.#starts.whenNothingCommitted({ topic, partition }) ?? low;
        lags.push({ topic, partition, offset: Math.max(offset, low), endOffset: high });
      }
    }
    return lags;
  }

  bufferedBytes(): number {
    return this.#tenures.held().reduce((sum, tenure) => sum + this.#buffers.bytes(tenure), 0);
  }

  status(): SubscriptionStatus {
    const partitions = this.#tenures.held().length;
    return { lastTick: this.#lastTick, partitions, bufferedBytes: this.bufferedBytes() };
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new KafkaLogError("closed", "the subscription is closed: subscribe again"));
    this.#wake();
    this.#settled.resolve();
    const { admin, group, memberGroup, onClose } = this.#parts;
    await this.#membership?.leave();
    this.#membership = null;
    if (group === null) await admin.forgetGroup(memberGroup).catch(() => {});
    onClose(this);
  }

  tick(): void {
    this.#lastTick = this.#parts.options.now();
  }

  rejoining(): void {
    this.tick();
    this.#settled.resolve();
    this.#settled = Promise.withResolvers();
  }

  assigned(memberId: string, partitions: readonly TopicPartition[]): void {
    const { group, memberGroup, options } = this.#parts;
    const continuing = group === null || memberId === this.#memberId;
    this.#memberId = memberId;
    const { begun, kept, ended } = this.#tenures.assign(partitions, continuing);
    for (const tenure of ended) this.#resume(tenure);
    for (const tenure of [...ended, ...begun]) this.#buffers.drop(tenure);
    for (const tenure of begun) {
      this.#paused.add(keyOf(tenure));
      this.#membership?.pause(tenure);
    }
    for (const tenure of kept) {
      if (tenure.next !== null) this.#membership?.seek(tenure, tenure.next);
      // A membership that follows another does not know yet what is held back.
      if (this.#paused.has(keyOf(tenure))) this.#membership?.pause(tenure);
      this.#regulate(tenure);
    }
    this.#settled.resolve();
    options.onEvent({ kind: "rejoined", group: memberGroup, partitions: partitions.length });
    void this.#begin(begun);
  }

  received({ topic, partition, fetchedOffset, lastOffset, messages }: Fetched): boolean {
    this.tick();
    const tenure = this.#tenures.of({ topic, partition });
    if (tenure === undefined) return false;
    const verdict = this.#tenures.judge(tenure, fetchedOffset);
    if (verdict === "Reposition") void this.#reposition(tenure);
    if (verdict !== "Accept" || tenure.next === null) return false;
    const { next } = tenure;
    const first = messages[0];
    const repeats = first !== undefined && Number(first.offset) < next;
    this.#buffers.add(tenure, repeats ? messages.filter(({ offset }) => Number(offset) >= next) : messages);
    this.#tenures.received(tenure, lastOffset + 1);
    this.#regulate(tenure);
    this.#wake();
    return true;
  }

  ended(error: Error): void {
    const { memberGroup, options } = this.#parts;
    const failure = kafkaLogError(`reading as a member of group ${memberGroup}`, error, { group: memberGroup });
    this.#lastFailure = failure;
    options.onEvent({ kind: "retrying", doing: `reading as a member of group ${memberGroup}`, error: failure });
    this.#membership = null;
    this.rejoining();
    void this.#restart();
  }

  async #restart(): Promise<void> {
    const { options, memberGroup } = this.#parts;
    const signal = this.#closing.signal;
    const patience = { doing: `joining group ${memberGroup}`, milliseconds: Number.POSITIVE_INFINITY, signal };
    await sleep(RESTART_WAIT_MILLISECONDS, undefined, { signal }).catch(() => {});
    // It ends only when the subscription is closed.
    await persist(options, { ...patience, passes: () => true }, () => this.#join()).catch(() => {});
  }

  async #join(): Promise<void> {
    const { options, memberGroup, subscribe } = this.#parts;
    this.tick();
    const membership = new Membership(options, memberGroup, this);
    this.#membership = membership;
    await membership.join(subscribe.topics);
    if (this.#closing.signal.aborted) await membership.leave();
  }

  /** Finds where new tenures go on, and lets them all be read. Until it succeeds, or the group is shared out anew. */
  async #begin(begun: readonly Tenure[]): Promise<void> {
    const { options, memberGroup } = this.#parts;
    const patience = {
      doing: `finding where group ${memberGroup} goes on`,
      milliseconds: Number.POSITIVE_INFINITY,
      signal: this.#closing.signal,
      passes: () => true,
    };
    // It ends without success only when the subscription is closed.
    const starts = await persist(options, patience, () => this.#findStarts(begun)).catch(() => null);
    if (starts === null) return;
    for (const { tenure, offset, low } of starts) {
      this.#read(tenure, offset, low, () => this.#tenures.begin(tenure, Math.max(offset, low)));
    }
    if (begun.every((tenure) => this.#tenures.isHeld(tenure))) this.#ready.resolve();
  }

  async #findStarts(begun: readonly Tenure[]): Promise<Start[]> {
    const { group, subscribe } = this.#parts;
    const found = await this.#starts.find(begun);
    await this.#whenSettled();
    const held = found.filter(({ tenure }) => this.#tenures.isHeld(tenure));
    // So that whoever gets the partition next begins there too.
    const chosen = subscribe.startFrom === "Earliest" ? [] : held.filter(({ committed }) => !committed);
    if (group !== null && chosen.length > 0) {
      if (this.#membership === null) throw new Error("not a member of the group at the moment");
      await this.#membership.commit(
        chosen.map(({ tenure: { topic, partition }, offset }) => ({ topic, partition, offset })),
      );
    }
    return held.filter(({ tenure }) => this.#tenures.isHeld(tenure));
  }

  /** The broker went on further along than this tenure: because of retention, or for a reason of its own. */
  async #reposition(tenure: Tenure): Promise<void> {
    const { admin, options } = this.#parts;
    const { next } = tenure;
    if (next === null || this.#paused.has(keyOf(tenure))) return;
    this.#pause(tenure);
    const patience = {
      doing: `finding where ${tenure.topic}/${tenure.partition} goes on`,
      milliseconds: Number.POSITIVE_INFINITY,
      signal: this.#closing.signal,
      passes: () => true,
    };
    const ends = await persist(options, patience, () => admin.ends(tenure.topic)).catch(() => []);
    const end = ends.find(({ partition }) => partition === tenure.partition);
    if (end === undefined || !this.#tenures.isHeld(tenure)) return;
    this.#read(tenure, next, end.low, () => {
      tenure.next = Math.max(next, end.low);
      tenure.repositionedAt = tenure.next;
    });
  }

  #read(tenure: Tenure, wanted: number, low: number, set: () => void): void {
    const { topic, partition } = tenure;
    if (wanted < low) this.#parts.options.onEvent({ kind: "records_expired", topic, partition, records: low - wanted });
    set();
    if (tenure.next !== null) this.#membership?.seek(tenure, tenure.next);
    this.#resume(tenure);
  }

  /** Once, for those positions that are this process's to commit, in one turn with the check that they are. */
  async #commitHeld(group: string, positions: readonly Position[]): Promise<void> {
    await this.#whenSettled();
    const held = this.#tenures.committable(positions);
    const fenced = positions.length - held.length;
    if (fenced > 0) this.#parts.options.onEvent({ kind: "commit_fenced", group, positions: fenced });
    if (held.length === 0) return;
    if (this.#membership === null) throw new Error("not a member of the group at the moment");
    await this.#membership.commit(held);
  }

  /** Resolves in a turn in which the tenures are those of the group's generation. */
  async #whenSettled(): Promise<void> {
    for (let settled: Promise<void> | null = null; settled !== this.#settled.promise; ) {
      settled = this.#settled.promise;
      await settled;
      this.#closing.signal.throwIfAborted();
    }
  }

  /** Next offset that `poll` will hand out, of a partition that is read. */
  #readPosition(at: TopicPartition): number | undefined {
    const tenure = this.#tenures.of(at);
    if (tenure === undefined || tenure.next === null) return undefined;
    return this.#buffers.bytes(tenure) === 0 ? tenure.next : tenure.handedOut;
  }

  /** Holds a partition back while enough of it waits, each within its share. */
  #regulate(tenure: Tenure): void {
    if (tenure.next === null) return;
    const share = this.#parts.options.maxBufferedBytes / Math.max(1, this.#tenures.held().length);
    const bytes = this.#buffers.bytes(tenure);
    if (bytes >= share) this.#pause(tenure);
    else if (bytes <= share / 2) this.#resume(tenure);
  }

  #pause(tenure: Tenure): void {
    const key = keyOf(tenure);
    if (this.#paused.has(key)) return;
    this.#paused.add(key);
    this.#membership?.pause(tenure);
  }

  #resume(tenure: Tenure): void {
    if (this.#paused.delete(keyOf(tenure))) this.#membership?.resume(tenure);
  }

  /** At the start a wrong password or a missing right is told at once; later it may be a rotation, and passes. */
  #blames(error: unknown): boolean {
    return ["sign_in_refused", "not_authorized"].includes(kafkaLogError("", error).code);
  }

  #checkOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}
