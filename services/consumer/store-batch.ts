/** Stores one batch with all that follows from it, and tries again until it is done. */
import { setTimeout as sleep } from "node:timers/promises";
import { encodeSignalRecords, type SignalBatch, signalOf } from "../activity/signals.ts";
import type { LogRecord } from "../activity-log/index.ts";
import { failureOf } from "../clickhouse/index.ts";
import { activeSpan, inSpan } from "../telemetry/index.ts";
import { publishDeadLetters } from "./dead-letter-topic.ts";
import { markResolved } from "./dead-letters.ts";
import { enrich, unenriched } from "./enrichment/index.ts";
import { orGivenUp } from "./given-up.ts";
import { type KnownLinks, linksOf } from "./known-links.ts";
import type { RetryCause } from "./metrics.ts";
import type { ConsumerOptions } from "./options.ts";
import type { Batch } from "./prepare.ts";
import { type DeadLetterRow, deadLetterRow, type EventRow, eventRow, signalOfRow, sourceKey } from "./rows.ts";
import { type StoreResult, store, storeDeadLetters } from "./sink.ts";
import {
  FIRST_RETRY_MILLISECONDS,
  goesOn,
  LAST_RETRY_MILLISECONDS,
  type Loop,
  messageOf,
  STEP_MILLISECONDS,
  waits,
} from "./state.ts";

/** @returns false when it was told to stop before the batch was stored: then it must not be committed */
export async function storeUntilDone(loop: Loop, batch: Batch, records: readonly LogRecord[]): Promise<boolean> {
  const { options, stopping, givingUp, pulse, progress } = loop;
  const { metrics, logger, now, log, deadLettersTopic } = options;
  const clickhouse = loop.clickhouse.Storing;
  // The same for every try, so that a repeat is one.
  const ingestedAt = now();
  const tellOnce = once(async () => {
    await signal(options, signalsOf(batch, progress.links));
    await publishDeadLetters(log, deadLettersTopic, batch.deadLetters);
  });
  for (let retry = FIRST_RETRY_MILLISECONDS; ; retry = Math.min(retry * 2, LAST_RETRY_MILLISECONDS)) {
    const started = performance.now();
    let step: "enrichment" | "clickhouse" | "log" = "enrichment";
    try {
      pulse.tick("Storing", STEP_MILLISECONDS);
      const rows = await inSpan("enrich", {}, () => enrichedRows(loop, batch, ingestedAt));
      step = "clickhouse";
      // Both to their end, so that no two tries overlap.
      const [stored, told] = await Promise.allSettled([
        inSpan("store", {}, () => storeBatch(loop, batch, rows, records, ingestedAt)),
        orGivenUp(tellOnce(), givingUp),
      ]);
      if (stored.status === "rejected") throw stored.reason;
      const { refusedEvents, refusedLetters, derived, links, attribution } = stored.value;
      const refusedIds = new Set(refusedLetters.map((letter) => letter.id));
      const resolved = batch.resolved.filter((id) => !refusedIds.has(id));
      await markResolved(clickhouse, resolved, now());
      step = "log";
      if (told.status === "rejected") throw told.reason;
      const following = { receivedAt: batch.receivedAt, signals: derived.map(signalOfRow), links: [] };
      await orGivenUp(signal(options, following), givingUp);
      await orGivenUp(publishDeadLetters(log, deadLettersTopic, refusedLetters), givingUp);
      progress.links.add(links);
      const storedEvents = rows.length - refusedEvents;
      const deadLetters = [...batch.deadLetters, ...refusedLetters];
      const unenriched = rows.reduce((count, row) => (row.enriched ? count : count + 1), 0);
      const duplicates = batch.events.length - rows.length;
      const seconds = (performance.now() - started) / 1000;
      const { records: count, oldest } = batch;
      activeSpan().setAttributes({
        "productmatcher.events.stored": storedEvents,
        "productmatcher.events.duplicate": duplicates,
        "productmatcher.events.unenriched": unenriched,
        "productmatcher.dead_letters": deadLetters.length,
      });
      const figures = { stored: storedEvents, duplicates, unenriched, deadLetters, attribution, seconds };
      metrics.batch({ records: count, oldest, ...figures });
      progress.stored += storedEvents;
      progress.deadLetters += deadLetters.length;
      goesOn(progress);
      return true;
    } catch (error) {
      if (givingUp.aborted) return false;
      const { cause, problem } = causeOf(step, error);
      waits(progress, cause, problem);
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

interface StoredBatch extends Pick<StoreResult, "refusedEvents" | "derived" | "links" | "attribution"> {
  /** One for each record of which ClickHouse refused something; they are stored. */
  readonly refusedLetters: readonly DeadLetterRow[];
}

async function storeBatch(
  { options, clickhouse, progress }: Loop,
  batch: Batch,
  rows: readonly EventRow[],
  records: readonly LogRecord[],
  now: number,
): Promise<StoredBatch> {
  const { refused, ...stored } = await store(clickhouse.Storing, batch, rows, options.attribution, progress.links);
  if (refused.length === 0) return { ...stored, refusedLetters: [] };
  const messages = new Map(refused.map(({ source, message }) => [sourceKey(source), message]));
  const refusedLetters = records.flatMap((record) => {
    const message = messages.get(sourceKey(record));
    const rejection = { reason: "insert_refused", path: "", message: message ?? "" } as const;
    return message === undefined ? [] : [deadLetterRow(record, rejection, now)];
  });
  await storeDeadLetters(clickhouse.Storing, refusedLetters, batch.madeFrom);
  return { ...stored, refusedLetters };
}

function signalsOf({ events, receivedAt }: Batch, known: KnownLinks): SignalBatch {
  const signals = events.map(({ event }) => signalOf(event)).filter((signal) => signal !== null);
  return { receivedAt, signals, links: known.select(linksOf(events.map(({ event }) => event))).fresh };
}

/** Tells the recommenders; they absorb a repeat. */
async function signal({ log, signalsTopic }: ConsumerOptions, batch: SignalBatch): Promise<void> {
  const records = encodeSignalRecords(batch).map((value) => ({ key: null, value }));
  if (records.length > 0) await log.append(signalsTopic, records);
}
