import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { RecordMapper } from "../activity/index.ts";
import { encodeSignals, SIGNALS_PER_RECORD, signalOf } from "../activity/signals.ts";
import type { ActivityLog, LogRecord, PartitionLag, Subscription } from "../activity-log/index.ts";
import { type ClickHouse, failureOf } from "../clickhouse/index.ts";
import type { AttributionSpec } from "./attribution.ts";
import { publishDeadLetters } from "./dead-letter-topic.ts";
import { markResolved } from "./dead-letters.ts";
import { type AttributeSource, completeEnrichment, enrich, type SourceStatus, unenriched } from "./enrichment/index.ts";
import { GivenUpError, orGivenUp } from "./given-up.ts";
import type { ConsumerMetrics, RetryCause } from "./metrics.ts";
import { type Batch, prepare } from "./prepare.ts";
import { prepareMappers } from "./prepare-mappers.ts";
import { type Activity, type Liveness, Pulse } from "./pulse.ts";
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
  /**
   * Of one batch, by its values. Two are held at most: the one that is being stored and the one behind it. With what the
   * log's subscription reads ahead (`maxBufferedBytes` on Kafka) this bounds the bytes in flight, whatever is away.
   */
  readonly batch: { readonly maxRecords: number; readonly maxBytes: number };
  readonly metrics: ConsumerMetrics;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ConsumerStatus extends Liveness {
  /** Records that are in the log and not yet stored; `null` when it has ended, or the log does not say at the moment. */
  readonly lag: number | null;
  /** Event rows since the start; repeats in later batches count again. */
  readonly stored: number;
  /** Records since the start that were not accepted. */
  readonly deadLetters: number;
  /** What it is waiting for and what to do, while it retries or after it failed. */
  readonly problem?: string;
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

const POLL_WAIT_MILLISECONDS = 250;
const FIRST_RETRY_MILLISECONDS = 200;
const LAST_RETRY_MILLISECONDS = 30_000;
const FILL_IN_EVERY_MILLISECONDS = 10_000;
/** Other consumers may have stored events without attributes, and be gone. */
const LOOK_FOR_UNENRICHED_EVERY_MILLISECONDS = 300_000;
const CAUGHT_UP_LOOK_MILLISECONDS = 20;
const CLOSE_MILLISECONDS = 25_000;
/** Of the time to close: for leaving the group, so that its partitions go to others at once. */
const LEAVE_MILLISECONDS = 5_000;
const LAG_MILLISECONDS = 2_000;

/** How long steps take at most before they fail of themselves, with something to spare. */
const STEP_MILLISECONDS = 60_000;
/** The log's own patience with brokers that are away. */
const LOG_STEP_MILLISECONDS = 15 * 60_000;

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
    unenriched: true,
    sourceAway: false,
    bytes: 0,
  };
  const bytesInFlight = () => ({ buffered: subscription.bufferedBytes(), batches: progress.bytes });
  options.metrics.watch(() => ({
    lastTick: pulse.lastTick,
    retrying: progress.state === "Retrying",
    bytesInFlight: bytesInFlight(),
    enrichmentAway: options.attributes.status?.().state === "Away",
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
  const ended = run(loop).then(
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
      const { stored, deadLetters, problem } = progress;
      const enrichment = options.attributes.status?.();
      const lag = hasEnded() ? null : await knownLag(subscription);
      return {
        ...liveness(),
        lag,
        stored,
        deadLetters,
        ...(problem === "" ? {} : { problem }),
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

interface Progress {
  state: ConsumerStatus["state"];
  stored: number;
  deadLetters: number;
  problem: string;
  /** Whether there may be events in the table that still lack their attributes. */
  unenriched: boolean;
  /** So that it is logged once. */
  sourceAway: boolean;
  /** Of the batches in hand. */
  bytes: number;
}

/** What the loop has in hand. */
interface Loop {
  readonly options: ConsumerOptions;
  readonly subscription: Subscription;
  /** For each activity: its statements are steps of it, and are given up when nothing is waited for. */
  readonly clickhouse: Readonly<Record<Activity, ClickHouse>>;
  /** No further batch is begun, no failed one tried again. */
  readonly stopping: AbortSignal;
  /** Nothing is waited for any more. */
  readonly givingUp: AbortSignal;
  readonly pulse: Pulse;
  readonly progress: Progress;
}

async function knownLag(subscription: Subscription): Promise<number | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), LAG_MILLISECONDS);
  const lag = subscription.lag().then(totalLag, () => null);
  return Promise.race([lag, late.promise]).finally(() => clearTimeout(timer));
}

function totalLag(partitions: readonly PartitionLag[]): number {
  return partitions.reduce((sum, partition) => sum + partition.endOffset - partition.offset, 0);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function run(loop: Loop): Promise<void> {
  const { options, subscription, stopping, givingUp, pulse, progress } = loop;
  let storing: Promise<void> = Promise.resolve();
  let filledInAt = Number.NEGATIVE_INFINITY;
  while (!stopping.aborted) {
    const every = progress.unenriched ? FILL_IN_EVERY_MILLISECONDS : LOOK_FOR_UNENRICHED_EVERY_MILLISECONDS;
    const fillsIn = options.now() - filledInAt >= every;
    const waitMilliseconds = fillsIn ? 0 : POLL_WAIT_MILLISECONDS;
    pulse.tick("Reading", STEP_MILLISECONDS);
    const records = await orGivenUp(subscription.poll({ ...options.batch, waitMilliseconds }), givingUp);
    if (!(await readied(loop, records))) break;
    const batch = prepare(records, options.mappers, options.now());
    progress.bytes += batch.bytes;
    pulse.rest("Reading");
    await storing;
    if (stopping.aborted) return;
    // A page at a time between batches: neither holds the other up for long.
    if (fillsIn && !(await fillIn(loop))) filledInAt = options.now();
    if (records.length === 0) continue;
    storing = storeUntilDone(loop, batch, records)
      .then(async (done) => {
        if (done) await commitUntilDone(loop, batch);
      })
      .finally(() => {
        progress.bytes -= batch.bytes;
        pulse.rest("Storing");
      });
    // A failure is thrown by the next await of it; until then it must not count as unhandled.
    storing.catch(() => {});
  }
  await storing;
}

/** @returns false when it was told to stop before the records could be mapped */
function readied({ options, stopping, pulse, progress }: Loop, records: readonly LogRecord[]): Promise<boolean> {
  return prepareMappers(records, options.mappers, stopping, (error, retryMilliseconds) => {
    progress.state = "Retrying";
    progress.problem = messageOf(error);
    options.metrics.retry("schema_registry");
    options.logger.warn({ err: error, retryMilliseconds }, "a batch could not be prepared");
    pulse.tick("Reading", retryMilliseconds + STEP_MILLISECONDS);
  });
}

/** Not committed when it was told to stop before that: then it is read again, which changes nothing. */
async function commitUntilDone({ options, subscription, stopping, givingUp, pulse, progress }: Loop, batch: Batch) {
  for (let retry = FIRST_RETRY_MILLISECONDS; ; retry = Math.min(retry * 2, LAST_RETRY_MILLISECONDS)) {
    pulse.tick("Storing", LOG_STEP_MILLISECONDS);
    try {
      await orGivenUp(subscription.commit(batch.positions), givingUp);
      progress.state = "Running";
      progress.problem = "";
      return;
    } catch (error) {
      if (error instanceof GivenUpError || isOver(error)) throw error;
      progress.state = "Retrying";
      progress.problem = messageOf(error);
      options.metrics.retry("log");
      options.logger.warn({ err: error, retryMilliseconds: retry }, "a batch that is stored could not be committed");
    }
    pulse.tick("Storing", retry + STEP_MILLISECONDS);
    await sleep(retry, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return;
  }
}

/** The same commit again could never succeed. */
function isOver(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["closed", "invalid_position"].includes(String(error.code));
}

/** @returns false when it was told to stop before the batch was stored: then it must not be committed */
async function storeUntilDone(loop: Loop, batch: Batch, records: readonly LogRecord[]): Promise<boolean> {
  const { options, stopping, givingUp, pulse, progress } = loop;
  const { metrics, logger, now, log, deadLettersTopic } = options;
  const clickhouse = loop.clickhouse.Storing;
  // The same for every try, so that a repeat is one.
  const ingestedAt = now();
  const tellOnce = once(async () => {
    await signal(options, batch);
    await publishDeadLetters(log, deadLettersTopic, batch.deadLetters);
  });
  for (let retry = FIRST_RETRY_MILLISECONDS; ; retry = Math.min(retry * 2, LAST_RETRY_MILLISECONDS)) {
    const started = performance.now();
    let step: "enrichment" | "clickhouse" | "log" = "enrichment";
    try {
      pulse.tick("Storing", STEP_MILLISECONDS);
      const rows = await enrichedRows(loop, batch, ingestedAt);
      step = "clickhouse";
      // Both to their end, so that no two tries overlap.
      const [stored, told] = await Promise.allSettled([
        storeBatch(clickhouse, options.attribution, batch, rows, records, ingestedAt),
        orGivenUp(tellOnce(), givingUp),
      ]);
      if (stored.status === "rejected") throw stored.reason;
      const { refusedEvents, refusedLetters } = stored.value;
      const refusedIds = new Set(refusedLetters.map((letter) => letter.id));
      const resolved = batch.resolved.filter((id) => !refusedIds.has(id));
      await markResolved(clickhouse, resolved, now());
      step = "log";
      if (told.status === "rejected") throw told.reason;
      await orGivenUp(publishDeadLetters(log, deadLettersTopic, refusedLetters), givingUp);
      const storedEvents = rows.length - refusedEvents;
      const deadLetters = [...batch.deadLetters, ...refusedLetters];
      const unenriched = rows.reduce((count, row) => (row.enriched ? count : count + 1), 0);
      const seconds = (performance.now() - started) / 1000;
      metrics.batch({ records: batch.records, stored: storedEvents, unenriched, deadLetters, seconds });
      progress.stored += storedEvents;
      progress.deadLetters += deadLetters.length;
      progress.state = "Running";
      progress.problem = "";
      return true;
    } catch (error) {
      if (givingUp.aborted) return false;
      const { cause, problem } = causeOf(step, error);
      progress.state = "Retrying";
      progress.problem = problem;
      metrics.retry(cause);
      logger.warn(
        { err: error, cause, retryMilliseconds: retry, records: batch.records },
        "a batch could not be stored",
      );
    }
    pulse.tick("Storing", retry + STEP_MILLISECONDS);
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

function causeOf(
  step: "enrichment" | "clickhouse" | "log",
  error: unknown,
): { readonly cause: RetryCause; readonly problem: string } {
  if (step !== "clickhouse") return { cause: step, problem: messageOf(error) };
  const { cause, problem } = failureOf(error);
  return { cause: `clickhouse_${cause.toLowerCase() as Lowercase<typeof cause>}`, problem };
}

/** The same connection; each statement is a step of the activity. */
function ticking(clickhouse: ClickHouse, pulse: Pulse, activity: Activity): ClickHouse {
  const tick = () => pulse.tick(activity, clickhouse.timeoutSeconds * 1000 + STEP_MILLISECONDS);
  return {
    ...clickhouse,
    query(sql, parameters) {
      tick();
      return clickhouse.query(sql, parameters);
    },
    command(sql, parameters) {
      tick();
      return clickhouse.command(sql, parameters);
    },
    insert(table, rows, columns, madeFrom) {
      tick();
      return clickhouse.insert(table, rows, columns, madeFrom);
    },
  };
}

async function enrichedRows({ options, givingUp, progress }: Loop, batch: Batch, now: number): Promise<EventRow[]> {
  const enriched = enrich(batch.events, options.attributes).then((enrichments) => {
    progress.sourceAway = false;
    return enrichments;
  });
  const enriching = enriched.catch((error: unknown) => {
    if (options.onEnrichmentFailure === "Wait") throw error;
    if (!progress.sourceAway)
      options.logger.warn({ err: error }, "stored without attributes; they are filled in later");
    progress.sourceAway = true;
    progress.unenriched = true;
    return unenriched(batch.events);
  });
  const enrichments = await orGivenUp(enriching, givingUp);
  // All rows of a batch carry one time: of two with one id of one topic the later alone goes in, so that it is the one that holds.
  const rows = new Map<string, Map<string, EventRow>>();
  for (const [index, { event, source }] of batch.events.entries()) {
    const enrichment = enrichments[index];
    if (enrichment === undefined) continue;
    const ofTopic = rows.get(source.topic) ?? new Map<string, EventRow>();
    rows.set(source.topic, ofTopic.set(event.eventId, eventRow(event, source, enrichment, now)));
  }
  return [...rows.values()].flatMap((ofTopic) => [...ofTopic.values()]);
}

interface StoredBatch {
  readonly refusedEvents: number;
  /** One for each record of which ClickHouse refused something; they are stored. */
  readonly refusedLetters: readonly DeadLetterRow[];
}

async function storeBatch(
  clickhouse: ClickHouse,
  attribution: AttributionSpec,
  batch: Batch,
  rows: readonly EventRow[],
  records: readonly LogRecord[],
  now: number,
): Promise<StoredBatch> {
  const { refused, refusedEvents } = await store(clickhouse, batch, rows, attribution);
  if (refused.length === 0) return { refusedEvents, refusedLetters: [] };
  const messages = new Map(refused.map(({ source, message }) => [sourceKey(source), message]));
  const refusedLetters = records.flatMap((record) => {
    const message = messages.get(sourceKey(record));
    const rejection = { reason: "insert_refused", path: "", message: message ?? "" } as const;
    return message === undefined ? [] : [deadLetterRow(record, rejection, now)];
  });
  await storeDeadLetters(clickhouse, refusedLetters, batch.madeFrom);
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
async function fillIn(loop: Loop): Promise<boolean> {
  const { options, givingUp, pulse, progress } = loop;
  const { attributes, attribution, logger, metrics, now } = options;
  try {
    const filling = completeEnrichment(loop.clickhouse.Reading, attributes, attribution, now());
    const filledIn = await orGivenUp(filling, givingUp);
    metrics.completed(filledIn);
    progress.unenriched = filledIn > 0;
    return progress.unenriched;
  } catch (error) {
    if (error instanceof GivenUpError) throw error;
    logger.warn({ err: error }, "attributes could not be filled in; trying again later");
    return false;
  } finally {
    pulse.rest("Reading");
  }
}
