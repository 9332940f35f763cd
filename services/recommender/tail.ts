import { setImmediate, setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { decodeSignals, type SignalBatch } from "../activity/signals.ts";
import type { ActivityLog, LogRecord, PartitionLag, PollLimits, Subscription } from "../activity-log/index.ts";
import { processing } from "../activity-log/tracing.ts";

export interface TailOptions {
  readonly log: ActivityLog;
  readonly topic: string;
  /** Where to begin: a time in milliseconds since 1970. */
  readonly startFrom: number;
  readonly now: () => number;
  readonly logger: Logger;
  /** Called for each record, in order. */
  readonly onBatch: (batch: SignalBatch) => void;
  /** Time from the oldest event's arrival in the log, for what arrived after the tail had caught up. */
  readonly onFreshness: (milliseconds: number) => void;
  /** A record that cannot be read is passed over. */
  readonly onRejected: () => void;
  readonly onFailure: () => void;
}

export interface TailStatus {
  /** Whether everything has been read that was there when the tail began. */
  readonly caughtUp: boolean;
  /** Records not yet read, as of the last look; `null` before it. */
  readonly lag: number | null;
  /** Of the last record that came after it had caught up; `null` before there was one. */
  readonly freshnessMilliseconds: number | null;
  /** Why the last read failed; `null` when it did not. */
  readonly error: string | null;
}

export interface Tail {
  status(): TailStatus;
  close(): Promise<void>;
}

const POLL: PollLimits = { maxRecords: 64, maxBytes: 4 * 1024 * 1024, waitMilliseconds: 250 };
const RETRY_MILLISECONDS = 500;
const LAG_MILLISECONDS = 1_000;

/** Reads a topic of signals from a time on, for as long as it is open. What fails is told, and tried again. */
export function tailSignals(options: TailOptions): Tail {
  const { log, topic, startFrom, now, logger } = options;
  const closing = new AbortController();
  let subscription: Subscription | undefined;
  /** What there was when the tail began, by partition. */
  let ends: ReadonlyMap<number, number> = new Map();
  let caughtUp = false;
  let lag: number | null = null;
  let lagAt = 0;
  let freshness: number | null = null;
  let error: string | null = null;

  const subscribe = async () => {
    const opened = await log.subscribe({ group: null, topics: [topic], startFrom });
    try {
      ends = new Map((await opened.lag()).map(({ partition, endOffset }) => [partition, endOffset]));
    } catch (cause) {
      await opened.close();
      throw cause;
    }
    subscription = opened;
    return opened;
  };
  const read = (record: LogRecord) => {
    try {
      const batch = decodeSignals(record.value);
      options.onBatch(batch);
      // What was there before is as old as it is.
      if (caughtUp) {
        freshness = Math.max(0, now() - batch.receivedAt);
        options.onFreshness(freshness);
      }
    } catch (cause) {
      const { partition, offset } = record;
      logger.error({ err: cause, topic, partition, offset }, "a record of signals cannot be read and is passed over");
      options.onRejected();
    }
  };
  const look = async (subscribed: Subscription) => {
    if (caughtUp && now() - lagAt < LAG_MILLISECONDS) return;
    const positions = await subscribed.lag();
    lag = totalLag(positions);
    lagAt = now();
    caughtUp ||= positions.every(({ partition, offset }) => offset >= (ends.get(partition) ?? 0));
  };
  const run = async () => {
    while (!closing.signal.aborted) {
      try {
        const subscribed = subscription ?? (await subscribe());
        for (const record of await subscribed.poll(POLL)) {
          await processing([record], { system: log.system, group: null, alone: false }, async () => read(record));
          // A record holds up to a thousand events: requests go between.
          await setImmediate();
        }
        await look(subscribed);
        error = null;
      } catch (cause) {
        if (closing.signal.aborted) return;
        error = cause instanceof Error ? cause.message : String(cause);
        logger.error({ err: cause, topic }, "reading signals failed; trying again");
        options.onFailure();
        await setTimeout(RETRY_MILLISECONDS, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  };
  const running = run();
  return {
    status: () => ({ caughtUp, lag, freshnessMilliseconds: freshness, error }),
    async close() {
      closing.abort();
      // Ends a poll that waits; a subscription that was only being made is closed after it.
      await subscription?.close();
      await running;
      await subscription?.close();
    },
  };
}

function totalLag(positions: readonly PartitionLag[]): number {
  return positions.reduce((sum, { offset, endOffset }) => sum + Math.max(0, endOffset - offset), 0);
}
