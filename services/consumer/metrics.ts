import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { PartitionLag } from "../activity-log/index.ts";
import type { FailureCause } from "../clickhouse/index.ts";
import type { AttributionOutcomes } from "./outcomes.ts";
import type { PartitionAge } from "./prepare.ts";

/** A batch that is stored and dealt with. */
export interface DoneBatch {
  readonly records: number;
  /** Where they came from. */
  readonly oldest: readonly PartitionAge[];
  /** Event rows. */
  readonly stored: number;
  /** Events that another of the batch, with the same id and topic, took the place of. */
  readonly duplicates: number;
  /** Of the stored, those without their attributes. */
  readonly unenriched: number;
  readonly deadLetters: readonly { readonly reason: string }[];
  readonly attribution: AttributionOutcomes;
  readonly seconds: number;
}

/** Why a batch could not be stored. */
export type RetryCause = "schema_registry" | "enrichment" | "log" | `clickhouse_${Lowercase<FailureCause>}`;

/** The consumer at this moment. */
export interface ConsumerState {
  /** Milliseconds since 1970. */
  readonly lastTick: number;
  readonly retrying: boolean;
  readonly bytesInFlight: { readonly buffered: number; readonly batches: number };
  readonly enrichmentAway: boolean;
  /** Of every partition of its topics; `null` when the log does not say at the moment. */
  readonly lag: () => Promise<readonly PartitionLag[] | null>;
  /** The oldest records that are read and not yet stored. */
  readonly inHand: () => readonly PartitionAge[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface ConsumerMetrics {
  batch(batch: DoneBatch): void;
  retry(cause: RetryCause): void;
  /** Events whose attributes were filled in. */
  completed(events: number): void;
  /** Asked whenever somebody looks; in place of the consumer before. */
  watch(state: () => ConsumerState): void;
}

export function consumerMetrics(registry: Registry): ConsumerMetrics {
  const registers = [registry];
  const consumed = new Counter({
    name: "productmatcher_consumer_records_total",
    help: "Records read from the log and dealt with",
    registers,
  });
  const stored = new Counter({
    name: "productmatcher_consumer_events_stored_total",
    help: "Events stored in ClickHouse, repeats included",
    registers,
  });
  const deadLetters = new Counter({
    name: "productmatcher_consumer_dead_letters_total",
    help: "Records that were not accepted",
    labelNames: ["reason"],
    registers,
  });
  const duplicates = new Counter({
    name: "productmatcher_consumer_duplicate_events_total",
    help: "Events that another of the same batch with the same id took the place of; repeats in later batches are absorbed by ClickHouse and not counted",
    registers,
  });
  const attributed = new Counter({
    name: "productmatcher_consumer_attributions_total",
    help: "Conversions stored, repeats included, by outcome: found (a touch has earned it), none; and corrected: conversions of earlier batches whose first or last touch came late. Not among the corrected: what a sign-in joins afterwards, late touches of a device that is linked to the buyer, and those of a batch that is tried again after a later step failed",
    labelNames: ["outcome"],
    registers,
  });
  const outcomes = ["found", "none", "corrected"] as const;
  for (const outcome of outcomes) attributed.inc({ outcome }, 0);
  const batchRecords = new Histogram({
    name: "productmatcher_consumer_batch_records",
    help: "Records of a batch that was stored",
    buckets: [1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000],
    registers,
  });
  const batchSeconds = new Histogram({
    name: "productmatcher_consumer_batch_seconds",
    help: "From a prepared batch to its rows being durable",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const retries = new Counter({
    name: "productmatcher_consumer_retries_total",
    help: "Attempts to store a batch that failed and were made again",
    labelNames: ["cause"],
    registers,
  });
  const unenriched = new Counter({
    name: "productmatcher_consumer_events_unenriched_total",
    help: "Events stored while the source of attributes was away",
    registers,
  });
  const completed = new Counter({
    name: "productmatcher_consumer_events_completed_total",
    help: "Events whose attributes were filled in afterwards",
    registers,
  });
  let stateOf: (() => ConsumerState) | null = null;
  const gauge = (name: string, help: string, read: (state: ConsumerState) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        if (stateOf !== null) this.set(read(stateOf()));
      },
    });
  gauge(
    "productmatcher_consumer_last_tick_timestamp_seconds",
    "When the consumer's loop last went on",
    ({ lastTick }) => lastTick / 1000,
  );
  gauge("productmatcher_consumer_retrying", "1 while a batch cannot be stored", ({ retrying }) => Number(retrying));
  gauge(
    "productmatcher_consumer_enrichment_away",
    "1 while the source of attributes does not answer",
    ({ enrichmentAway }) => Number(enrichmentAway),
  );
  const read = new Map<string, { readonly topic: string; readonly partition: number }>();
  new Gauge({
    name: "productmatcher_consumer_lag_seconds",
    help: "How long the log has had the oldest record that is read and not yet stored; 0 where there is none",
    labelNames: ["topic", "partition"],
    registers,
    collect() {
      if (stateOf === null) return;
      const { now, inHand } = stateOf();
      // What was in hand before and is no more has been stored, or is another's.
      for (const place of read.values()) this.set(place, 0);
      for (const { topic, partition, receivedAt } of inHand().toSorted((a, b) => b.receivedAt - a.receivedAt))
        this.set({ topic, partition }, Math.max(0, now - receivedAt) / 1_000);
    },
  });
  new Gauge({
    name: "productmatcher_consumer_lag_records",
    help: "Records in the log that the group has not committed; the same from every consumer of the group",
    labelNames: ["topic", "partition"],
    registers,
    async collect() {
      const partitions = (await stateOf?.().lag()) ?? [];
      this.reset();
      for (const { topic, partition, offset, endOffset } of partitions)
        this.set({ topic, partition }, Math.max(0, endOffset - offset));
    },
  });
  new Gauge({
    name: "productmatcher_consumer_in_flight_bytes",
    help: "Bytes of records that are read and not yet committed",
    labelNames: ["place"],
    registers,
    collect() {
      if (stateOf === null) return;
      const { buffered, batches } = stateOf().bytesInFlight;
      this.set({ place: "buffered" }, buffered);
      this.set({ place: "batches" }, batches);
    },
  });
  return {
    batch(batch) {
      for (const { topic, partition } of batch.oldest) read.set(`${partition}/${topic}`, { topic, partition });
      consumed.inc(batch.records);
      stored.inc(batch.stored);
      duplicates.inc(batch.duplicates);
      batchRecords.observe(batch.records);
      unenriched.inc(batch.unenriched);
      for (const { reason } of batch.deadLetters) deadLetters.inc({ reason });
      for (const outcome of outcomes) attributed.inc({ outcome }, batch.attribution[outcome]);
      batchSeconds.observe(batch.seconds);
    },
    retry: (cause) => retries.inc({ cause }),
    completed: (events) => completed.inc(events),
    watch(state) {
      stateOf = state;
    },
  };
}
