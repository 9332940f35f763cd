import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { RecordMapper } from "../activity/index.ts";
import { encodeSignals, SIGNALS_PER_RECORD, signalOf } from "../activity/signals.ts";
import type { ActivityLog, LogRecord, PartitionLag, Subscription } from "../activity-log/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { AttributionSpec } from "./attribution.ts";
import { publishDeadLetters } from "./dead-letter-topic.ts";
import { markResolved } from "./dead-letters.ts";
import { type AttributeSource, completeEnrichment, enrich, unenriched } from "./enrichment/index.ts";
import type { ConsumerMetrics } from "./metrics.ts";
import { type Batch, prepare } from "./prepare.ts";
import { prepareMappers } from "./prepare-mappers.ts";
import { type DeadLetterRow, deadLetterRow, type EventRow, eventRow, sourceKey } from "./rows.ts";
import { store, storeDeadLetters } from "./sink.ts";

export interface ConsumerOptions {
  readonly log: ActivityLog;
  /** A connection of the consumer's own: it runs one statement at a time. */
  readonly clickhouse: ClickHouse;
  readonly group: string;
  readonly mappers: ReadonlyMap<string, RecordMapper>;
  readonly startFrom: "Earliest" | "Latest";
  /** Accepted events go here in compact form, for the recommenders. */
  readonly signalsTopic: string;
  /** Records that are not accepted go here, too. */
  readonly deadLettersTopic: string;
  readonly attribution: AttributionSpec;
  readonly attributes: AttributeSource;
  /** `Wait` holds the batch while the source of attributes is away; `Complete` stores it and fills in later. */
  readonly onEnrichmentFailure: "Complete" | "Wait";
  readonly batch: { readonly maxRecords: number; readonly maxBytes: number };
  readonly metrics: ConsumerMetrics;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ConsumerStatus {
  readonly state: "Running" | "Retrying" | "Stopped" | "Failed";
  /** Records that are in the log and not yet stored; `null` when it has ended and does not look any more. */
  readonly lag: number | null;
  /** Event rows since the start; repeats in later batches count again. */
  readonly stored: number;
  /** Records since the start that were not accepted. */
  readonly deadLetters: number;
  /** What it is waiting for, while it retries or after it failed. */
  readonly problem?: string;
}

export interface Consumer {
  status(): Promise<ConsumerStatus>;
  /** Of every partition that it reads. @throws when the consumer has ended */
  lag(): Promise<readonly PartitionLag[]>;
  /** Resolves once everything that is in the log at the time of the call is stored. @throws when the consumer ends before that */
  caughtUp(): Promise<void>;
  /** Ends after the batch under way is stored and committed. */
  close(): Promise<void>;
  /** Settles when the loop ends: rejects when it failed. */
  readonly ended: Promise<void>;
}

/** Also how long `close` may take when nothing comes. */
const POLL_WAIT_MILLISECONDS = 250;
const FIRST_RETRY_MILLISECONDS = 200;
const LAST_RETRY_MILLISECONDS = 30_000;
const FILL_IN_EVERY_MILLISECONDS = 10_000;
const CAUGHT_UP_LOOK_MILLISECONDS = 20;

/**
 * Reads the log, and stores what it means. One loop owns everything: while one batch is being stored the next is read
 * and prepared, and offsets are committed only after ClickHouse has acknowledged all of a batch. A batch that can't be
 * stored is tried again for ever, and nothing behind it is committed.
 */
export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { log, group, mappers, startFrom } = options;
  const subscription = await log.subscribe({ group, topics: [...mappers.keys()], startFrom });
  const stopping = new AbortController();
  // What an earlier run stored without attributes is looked for once at the start.
  const progress: Progress = { state: "Running", stored: 0, deadLetters: 0, problem: "", unenriched: true };

  const ended = run(options, subscription, stopping.signal, progress).then(
    () => {
      progress.state = "Stopped";
    },
    (error: unknown) => {
      progress.state = "Failed";
      progress.problem = messageOf(error);
      throw error;
    },
  );
  // Whoever awaits `ended` still sees the failure; without this, nobody awaiting it would end the process.
  ended.catch((error: unknown) => options.logger.fatal({ err: error }, "the consumer ended"));

  const lag = async () => {
    if (progress.state === "Failed") await ended;
    if (progress.state === "Stopped") throw new Error("the consumer was stopped before it had stored everything");
    return subscription.lag();
  };
  return {
    ended,
    async status() {
      const { state, stored, deadLetters, problem } = progress;
      const hasEnded = state === "Stopped" || state === "Failed";
      return {
        state,
        lag: hasEnded ? null : totalLag(await subscription.lag()),
        stored,
        deadLetters,
        ...(problem === "" ? {} : { problem }),
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
    async close() {
      stopping.abort();
      await ended.catch(() => {});
      await subscription.close();
    },
  };
}

interface Progress {
  state: ConsumerStatus["state"];
  stored: number;
  deadLetters: number;
  problem: string;
  /** Whether there may be events in the table that still lack their attributes. */
  unenriched: boolean;
}

function totalLag(partitions: readonly PartitionLag[]): number {
  return partitions.reduce((sum, partition) => sum + partition.endOffset - partition.offset, 0);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function run(
  options: ConsumerOptions,
  subscription: Subscription,
  stopping: AbortSignal,
  progress: Progress,
): Promise<void> {
  let storing: Promise<void> = Promise.resolve();
  let fillInDue = options.now();
  while (!stopping.aborted) {
    const fillsIn = progress.unenriched && options.now() >= fillInDue;
    const waitMilliseconds = fillsIn ? 0 : POLL_WAIT_MILLISECONDS;
    const records = await subscription.poll({ ...options.batch, waitMilliseconds });
    const ready = await prepareMappers(records, options.mappers, stopping, (error, retryMilliseconds) => {
      progress.state = "Retrying";
      progress.problem = messageOf(error);
      options.logger.warn({ err: error, retryMilliseconds }, "a batch could not be prepared");
    });
    if (!ready) break;
    const batch = prepare(records, options.mappers, options.now());
    await storing;
    if (stopping.aborted) return;
    // A page at a time between batches: neither holds the other up for long.
    if (fillsIn && !(await fillIn(options, progress))) fillInDue = options.now() + FILL_IN_EVERY_MILLISECONDS;
    if (records.length === 0) continue;
    storing = storeUntilDone(options, batch, records, stopping, progress).then(async (done) => {
      if (done) await subscription.commit(batch.positions);
    });
    // A failure is thrown by the next await of it; until then it must not count as unhandled.
    storing.catch(() => {});
  }
  await storing;
}

/** @returns false when it was told to stop before the batch was stored: then it must not be committed */
async function storeUntilDone(
  options: ConsumerOptions,
  batch: Batch,
  records: readonly LogRecord[],
  stopping: AbortSignal,
  progress: Progress,
): Promise<boolean> {
  const { metrics, logger } = options;
  const signalOnce = once(() => signal(options, batch));
  const publishOnce = once(() => publishDeadLetters(options.log, options.deadLettersTopic, batch.deadLetters));
  for (let retry = FIRST_RETRY_MILLISECONDS; ; retry = Math.min(retry * 2, LAST_RETRY_MILLISECONDS)) {
    const started = performance.now();
    try {
      const rows = await enrichedRows(options, batch, progress);
      const [{ refusedEvents, refusedLetters }] = await Promise.all([
        storeBatch(options, batch, rows, records),
        signalOnce(),
        publishOnce(),
      ]);
      await publishDeadLetters(options.log, options.deadLettersTopic, refusedLetters);
      const refusedIds = new Set(refusedLetters.map((letter) => letter.id));
      const resolved = batch.resolved.filter((id) => !refusedIds.has(id));
      await markResolved(options.clickhouse, resolved, options.now());
      const stored = rows.length - refusedEvents;
      const deadLetters = [...batch.deadLetters, ...refusedLetters];
      metrics.batch({ records: batch.records, stored, deadLetters, seconds: (performance.now() - started) / 1000 });
      progress.stored += stored;
      progress.deadLetters += deadLetters.length;
      progress.state = "Running";
      progress.problem = "";
      return true;
    } catch (error) {
      progress.state = "Retrying";
      progress.problem = messageOf(error);
      metrics.retry();
      logger.warn({ err: error, retryMilliseconds: retry, records: batch.records }, "a batch could not be stored");
    }
    await sleep(retry, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return false;
  }
}

/** Done again until it succeeds, and not after that. */
function once(step: () => Promise<void>): () => Promise<void> {
  let done = false;
  return async () => {
    if (!done) await step();
    done = true;
  };
}

async function enrichedRows(options: ConsumerOptions, batch: Batch, progress: Progress): Promise<EventRow[]> {
  const enrichments = await enrich(batch.events, options.attributes).catch((error: unknown) => {
    if (options.onEnrichmentFailure === "Wait") throw error;
    progress.unenriched = true;
    options.logger.warn({ err: error }, "stored without attributes; they are filled in later");
    return unenriched(batch.events);
  });
  const now = options.now();
  // All rows of a batch carry one time: of two with one id of one topic the later alone goes in, so that it is the one that holds.
  const rows = new Map<string, EventRow>();
  for (const [index, { event, source }] of batch.events.entries()) {
    const enrichment = enrichments[index];
    if (enrichment !== undefined)
      rows.set(`${event.eventId}/${source.topic}`, eventRow(event, source, enrichment, now));
  }
  return [...rows.values()];
}

interface StoredBatch {
  readonly refusedEvents: number;
  /** One for each record of which ClickHouse refused something; they are stored. */
  readonly refusedLetters: readonly DeadLetterRow[];
}

async function storeBatch(
  options: ConsumerOptions,
  batch: Batch,
  rows: readonly EventRow[],
  records: readonly LogRecord[],
): Promise<StoredBatch> {
  const { refused, refusedEvents } = await store(options.clickhouse, batch, rows, options.attribution);
  if (refused.length === 0) return { refusedEvents, refusedLetters: [] };
  const messages = new Map(refused.map(({ source, message }) => [sourceKey(source), message]));
  const refusedLetters = records.flatMap((record) => {
    const message = messages.get(sourceKey(record));
    const rejection = { reason: "insert_refused", path: "", message: message ?? "" } as const;
    return message === undefined ? [] : [deadLetterRow(record, rejection, options.now())];
  });
  await storeDeadLetters(options.clickhouse, refusedLetters);
  return { refusedEvents, refusedLetters };
}

/** Tells the recommenders; they absorb a repeat. */
async function signal(options: ConsumerOptions, batch: Batch): Promise<void> {
  const signals = batch.events.map(({ event }) => signalOf(event)).filter((signal) => signal !== null);
  const records = [];
  for (let start = 0; start < signals.length; start += SIGNALS_PER_RECORD) {
    const part = signals.slice(start, start + SIGNALS_PER_RECORD);
    records.push({ key: null, value: encodeSignals({ receivedAt: batch.receivedAt, signals: part }) });
  }
  if (records.length > 0) await options.log.append(options.signalsTopic, records);
}

/** One page. @returns whether there may be more to fill in right away */
async function fillIn(options: ConsumerOptions, progress: Progress): Promise<boolean> {
  const { clickhouse, attributes, attribution, logger } = options;
  try {
    progress.unenriched = (await completeEnrichment(clickhouse, attributes, attribution, options.now())) > 0;
    return progress.unenriched;
  } catch (error) {
    logger.warn({ err: error }, "attributes could not be filled in; trying again later");
    return false;
  }
}
