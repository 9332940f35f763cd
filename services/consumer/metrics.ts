import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { FailureCause } from "../clickhouse/index.ts";

/** A batch that is stored and dealt with. */
export interface DoneBatch {
  readonly records: number;
  /** Event rows. */
  readonly stored: number;
  /** Of those, stored without their attributes. */
  readonly unenriched: number;
  readonly deadLetters: readonly { readonly reason: string }[];
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
      consumed.inc(batch.records);
      stored.inc(batch.stored);
      unenriched.inc(batch.unenriched);
      for (const { reason } of batch.deadLetters) deadLetters.inc({ reason });
      batchSeconds.observe(batch.seconds);
    },
    retry: (cause) => retries.inc({ cause }),
    completed: (events) => completed.inc(events),
    watch(state) {
      stateOf = state;
    },
  };
}
