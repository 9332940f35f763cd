import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { RecordMapper } from "../activity/index.ts";
import { encodeSignals, SIGNALS_PER_RECORD, signalOf } from "../activity/signals.ts";
import type { ActivityLog, LogRecord, Subscription } from "../activity-log/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { AttributionSpec } from "./attribution.ts";
import { markResolved } from "./dead-letters.ts";
import { type AttributeSource, completeEnrichment, enrich, unenriched } from "./enrichment/index.ts";
import type { ConsumerMetrics } from "./metrics.ts";
import { type Batch, prepare } from "./prepare.ts";
import { deadLetterRow, type EventRow, eventRow } from "./rows.ts";
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
  /** Records that are in the log and not yet stored. */
  readonly lag: number;
  readonly stored: number;
  readonly deadLetters: number;
  /** What it is waiting for, while it retries or after it failed. */
  readonly problem?: string;
}

export interface Consumer {
  status(): Promise<ConsumerStatus>;
  /** Resolves once everything that is in the log now is stored. @throws when the consumer ends before that */
  caughtUp(): Promise<void>;
  /** Ends after the batch under way is stored and committed. */
  close(): Promise<void>;
  /** Settles when the loop ends: rejects when it failed. */
  readonly ended: Promise<void>;
}

const POLL_WAIT_MILLISECONDS = 1_000;
const FIRST_RETRY_MILLISECONDS = 200;
const LAST_RETRY_MILLISECONDS = 30_000;
const COMPLETE_ENRICHMENT_EVERY_MILLISECONDS = 10_000;

/**
 * Reads the log, and stores what it means. One loop owns everything: while one batch is being stored the next is read
 * and prepared, and offsets are committed only after ClickHouse has acknowledged all of a batch. A batch that can't be
 * stored is tried again for ever, and nothing behind it is committed.
 */
export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { log, group, mappers, startFrom } = options;
  const subscription = await log.subscribe({ group, topics: [...mappers.keys()], startFrom });
  const stopping = new AbortController();
  const progress = { state: "Running" as ConsumerStatus["state"], stored: 0, deadLetters: 0, problem: "" };

  const ended = run(options, subscription, stopping.signal, progress).then(
    () => {
      progress.state = "Stopped";
    },
    (error: unknown) => {
      progress.state = "Failed";
      progress.problem = error instanceof Error ? error.message : String(error);
      throw error;
    },
  );
  // Whoever awaits `ended` still sees the failure; without this, nobody awaiting it would end the process.
  ended.catch((error: unknown) => options.logger.fatal({ err: error }, "the consumer ended"));

  const lag = async () => {
    const partitions = await subscription.lag();
    return partitions.reduce((sum, partition) => sum + partition.endOffset - partition.offset, 0);
  };
  return {
    ended,
    async status() {
      const { state, stored, deadLetters, problem } = progress;
      const finished = state === "Stopped" || state === "Failed";
      return {
        state,
        lag: finished ? 0 : await lag(),
        stored,
        deadLetters,
        ...(problem === "" ? {} : { problem }),
      };
    },
    async caughtUp() {
      while ((await lag()) > 0) {
        if (progress.state === "Failed") await ended;
        if (progress.state === "Stopped") throw new Error("the consumer was stopped before it had stored everything");
        await sleep(20);
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
}

async function run(
  options: ConsumerOptions,
  subscription: Subscription,
  stopping: AbortSignal,
  progress: Progress,
): Promise<void> {
  const limits = { ...options.batch, waitMilliseconds: POLL_WAIT_MILLISECONDS };
  let storing: Promise<void> = Promise.resolve();
  let enrichmentDue = options.now();
  while (!stopping.aborted) {
    const records = await subscription.poll(limits);
    if (records.length === 0) {
      await storing;
      if (options.now() >= enrichmentDue) {
        await fillIn(options);
        enrichmentDue = options.now() + COMPLETE_ENRICHMENT_EVERY_MILLISECONDS;
      }
      continue;
    }
    const batch = prepare(records, options.mappers, options.now());
    await storing;
    if (stopping.aborted) return;
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
  let signalled = false;
  for (let retry = FIRST_RETRY_MILLISECONDS; ; retry = Math.min(retry * 2, LAST_RETRY_MILLISECONDS)) {
    const started = performance.now();
    try {
      const rows = await enrichedRows(options, batch);
      const signals = signalled ? Promise.resolve() : signal(options, batch);
      const [refused] = await Promise.all([storeBatch(options, batch, rows, records), signals]);
      signalled = true;
      await markResolved(options.clickhouse, batch.resolved, options.now());
      const deadLetters = batch.deadLetters.length + refused;
      metrics.batch(batch, refused, (performance.now() - started) / 1000);
      progress.stored += rows.length - refused;
      progress.deadLetters += deadLetters;
      progress.state = "Running";
      progress.problem = "";
      return true;
    } catch (error) {
      progress.state = "Retrying";
      progress.problem = error instanceof Error ? error.message : String(error);
      metrics.retry();
      logger.warn({ err: error, retryMilliseconds: retry, records: batch.records }, "a batch could not be stored");
    }
    await sleep(retry, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return false;
  }
}

async function enrichedRows(options: ConsumerOptions, batch: Batch): Promise<EventRow[]> {
  const enrichments = await enrich(batch.events, options.attributes).catch((error: unknown) => {
    if (options.onEnrichmentFailure === "Wait") throw error;
    options.logger.warn({ err: error }, "stored without attributes; they are filled in later");
    return unenriched(batch.events);
  });
  const now = options.now();
  const rows: EventRow[] = [];
  for (const [index, { event, source }] of batch.events.entries()) {
    const enrichment = enrichments[index];
    if (enrichment !== undefined) rows.push(eventRow(event, source, enrichment, now));
  }
  return rows;
}

/** @returns how many event rows ClickHouse refused; their records are dead letters now */
async function storeBatch(
  options: ConsumerOptions,
  batch: Batch,
  rows: readonly EventRow[],
  records: readonly LogRecord[],
): Promise<number> {
  const refused = await store(options.clickhouse, batch, rows, options.attribution);
  if (refused.length === 0) return 0;
  const byPosition = new Map(records.map((record) => [`${record.topic}/${record.partition}/${record.offset}`, record]));
  const letters = refused.flatMap(({ row, message }) => {
    const record = byPosition.get(`${row.topic}/${row.partition}/${row.offset}`);
    return record === undefined
      ? []
      : [deadLetterRow(record, { reason: "insert_refused", path: "", message }, options.now())];
  });
  await storeDeadLetters(options.clickhouse, letters);
  return refused.length;
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

async function fillIn(options: ConsumerOptions): Promise<void> {
  const { clickhouse, attributes, attribution, logger } = options;
  if (attributes.users === undefined && attributes.items === undefined) return;
  try {
    while ((await completeEnrichment(clickhouse, attributes, attribution, options.now())) > 0);
  } catch (error) {
    logger.warn({ err: error }, "attributes could not be filled in; trying again later");
  }
}
