import { Counter, Histogram, type Registry } from "prom-client";

/** A batch that is stored and dealt with. */
export interface DoneBatch {
  readonly records: number;
  /** Event rows. */
  readonly stored: number;
  readonly deadLetters: readonly { readonly reason: string }[];
  readonly seconds: number;
}

export interface ConsumerMetrics {
  batch(batch: DoneBatch): void;
  retry(): void;
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
    registers,
  });
  return {
    batch(batch) {
      consumed.inc(batch.records);
      stored.inc(batch.stored);
      for (const { reason } of batch.deadLetters) deadLetters.inc({ reason });
      batchSeconds.observe(batch.seconds);
    },
    retry: () => retries.inc(),
  };
}
