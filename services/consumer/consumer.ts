import { setTimeout as sleep } from "node:timers/promises";
import type { PartitionLag, Subscription } from "../activity-log/index.ts";
import type { SourceStatus } from "./enrichment/index.ts";
import { GivenUpError } from "./given-up.ts";
import { KnownLinks } from "./known-links.ts";
import { runLoop, ticking } from "./loop.ts";
import type { RetryCause } from "./metrics.ts";
import type { ConsumerOptions } from "./options.ts";
import { type Liveness, Pulse } from "./pulse.ts";
import { type Loop, messageOf, type Progress } from "./state.ts";

export interface ConsumerStatus extends Liveness {
  /** Records that are in the log and not yet stored; `null` when it has ended, or the log does not say at the moment. */
  readonly lag: number | null;
  /** Event rows since the start; repeats in later batches count again. */
  readonly stored: number;
  /** Records since the start that were not accepted. */
  readonly deadLetters: number;
  /** What it is waiting for and what to do, while it retries or after it failed. */
  readonly problem?: string;
  /** Of the problem, while it retries. */
  readonly cause?: RetryCause;
  /**
   * How long after the log had a record it was stored: of the batch in hand as far as it is, else of one within the last
   * minute; `null`: there was none.
   */
  readonly freshnessMilliseconds: number | null;
  readonly bytesInFlight: BytesInFlight;
  readonly enrichment?: SourceStatus;
}

export interface BytesInFlight {
  /** Read ahead by the log's subscription. */
  readonly buffered: number;
  /** Keys and values of the batch that is being stored and of the one behind it. */
  readonly batches: number;
}

export interface CloseOptions {
  /**
   * When it has ended at the latest. What cannot be stored and committed by then is left to whoever reads the partitions
   * next. Default 25,000: within Kubernetes' grace period of 30 s.
   */
  readonly deadlineMilliseconds?: number;
}

export interface Consumer {
  status(): Promise<ConsumerStatus>;
  /** For `isAlive`; asks nobody. */
  liveness(): Liveness;
  /** Of every partition that it reads. @throws when the consumer has ended */
  lag(): Promise<readonly PartitionLag[]>;
  /** Resolves once everything that is in the log at the time of the call is stored. @throws when the consumer ends before that */
  caughtUp(): Promise<void>;
  /** Ends after the batch under way is stored and committed, if that can be done at once and in time. */
  close(options?: CloseOptions): Promise<void>;
  /** Settles when the loop ends: rejects when it failed. */
  readonly ended: Promise<void>;
}

const CAUGHT_UP_LOOK_MILLISECONDS = 20;
const CLOSE_MILLISECONDS = 25_000;
/** Of the time to close: for leaving the group, so that its partitions go to others at once. */
const LEAVE_MILLISECONDS = 5_000;
/** Whoever asks for the status is not kept waiting for brokers. */
const LAG_MILLISECONDS = 500;

/**
 * Reads the log, and stores what it means. One loop owns everything: while one batch is being stored the next is read
 * and prepared, and offsets are committed only after ClickHouse has acknowledged all of a batch. A batch that can't be
 * stored is tried again for ever, and nothing behind it is committed.
 */
export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { log, group, mappers, startFrom } = options;
  const subscription = await log.subscribe({ group, topics: [...mappers.keys()], startFrom });
  const stopping = new AbortController();
  const givingUp = new AbortController();
  const pulse = new Pulse(options.now);
  // What an earlier run stored without attributes is looked for at the start.
  const progress: Progress = {
    state: "Running",
    stored: 0,
    deadLetters: 0,
    problem: "",
    cause: null,
    storing: null,
    lastStored: null,
    unenriched: true,
    sourceAway: false,
    batches: new Set(),
    links: new KnownLinks(),
  };
  const bytesInFlight = () => ({
    buffered: subscription.bufferedBytes(),
    batches: [...progress.batches].reduce((sum, batch) => sum + batch.bytes, 0),
  });
  options.metrics.watch(() => ({
    lastTick: pulse.lastTick,
    retrying: progress.state === "Retrying",
    bytesInFlight: bytesInFlight(),
    enrichmentAway: options.attributes.status?.().state === "Away",
    lag: () => (hasEnded() ? Promise.resolve(null) : knownLag(subscription)),
    inHand: () => [...progress.batches].flatMap((batch) => batch.oldest),
    now: options.now(),
  }));

  const loop: Loop = {
    options,
    subscription,
    clickhouse: {
      Reading: ticking(options.clickhouse.until(givingUp.signal), pulse, "Reading"),
      Storing: ticking(options.clickhouse.until(givingUp.signal), pulse, "Storing"),
    },
    stopping: stopping.signal,
    givingUp: givingUp.signal,
    pulse,
    progress,
  };
  const ended = runLoop(loop).then(
    () => {
      progress.state = "Stopped";
    },
    (error: unknown) => {
      if (error instanceof GivenUpError) {
        progress.state = "Stopped";
        return;
      }
      progress.state = "Failed";
      progress.problem = messageOf(error);
      throw error;
    },
  );
  // Whoever awaits `ended` still sees the failure; without this, nobody awaiting it would end the process.
  ended.catch((error: unknown) => options.logger.fatal({ err: error }, "the consumer ended"));

  const hasEnded = () => progress.state === "Stopped" || progress.state === "Failed";
  const liveness = () => ({
    state: progress.state,
    lastTick: pulse.lastTick,
    nextTickBy: hasEnded() ? null : pulse.nextTickBy,
  });
  const lag = async () => {
    if (progress.state === "Failed") await ended;
    if (progress.state === "Stopped") throw new Error("the consumer was stopped before it had stored everything");
    return subscription.lag();
  };
  return {
    ended,
    liveness,
    async status() {
      const { stored, deadLetters, problem, cause } = progress;
      const enrichment = options.attributes.status?.();
      const partitions = hasEnded() ? null : await knownLag(subscription);
      return {
        ...liveness(),
        lag: partitions === null ? null : totalLag(partitions),
        stored,
        deadLetters,
        ...(problem === "" ? {} : { problem }),
        ...(cause === null ? {} : { cause }),
        freshnessMilliseconds: freshnessOf(progress, options.now()),
        bytesInFlight: bytesInFlight(),
        ...(enrichment === undefined ? {} : { enrichment }),
      };
    },
    lag,
    async caughtUp() {
      const ends = await lag();
      for (;;) {
        const now = await lag();
        if (ends.every(({ endOffset }, index) => (now[index]?.offset ?? 0) >= endOffset)) return;
        await sleep(CAUGHT_UP_LOOK_MILLISECONDS);
      }
    },
    async close({ deadlineMilliseconds = CLOSE_MILLISECONDS } = {}) {
      stopping.abort();
      const leaveMilliseconds = Math.min(LEAVE_MILLISECONDS, deadlineMilliseconds / 2);
      const timer = setTimeout(() => givingUp.abort(), deadlineMilliseconds - leaveMilliseconds);
      await ended.catch(() => {});
      clearTimeout(timer);
      const left = Promise.withResolvers<void>();
      const leaveTimer = setTimeout(left.resolve, leaveMilliseconds);
      await Promise.race([subscription.close(), left.promise]);
      clearTimeout(leaveTimer);
    },
  };
}

const FRESH_MILLISECONDS = 60_000;

/** What was stored long ago says nothing of what would come now. */
function freshnessOf({ storing, lastStored }: Progress, now: number): number | null {
  if (storing !== null) return Math.max(0, now - storing);
  return lastStored !== null && now - lastStored.at < FRESH_MILLISECONDS ? lastStored.freshnessMilliseconds : null;
}

async function knownLag(subscription: Subscription): Promise<readonly PartitionLag[] | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), LAG_MILLISECONDS);
  const lag = subscription.lag().catch(() => null);
  return Promise.race([lag, late.promise]).finally(() => clearTimeout(timer));
}

function totalLag(partitions: readonly PartitionLag[]): number {
  return partitions.reduce((sum, partition) => sum + partition.endOffset - partition.offset, 0);
}
