import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface CollectorMetrics {
  /** @param key name of the write key, `""` without one; from the resource, so bounded in number */
  answered(endpoint: string, key: string, status: number): void;
  entries(result: "accepted" | "rejected" | "ignored", count: number): void;
  /** Until the log had confirmed, or failed. */
  appended(seconds: number): void;
}

/** @param bufferedBytes what requests under way hold in memory right now */
export function collectorMetrics(registry: Registry, bufferedBytes: () => number): CollectorMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "productmatcher_collector_requests_total",
    help: "Requests answered, by address, name of the write key and HTTP status",
    labelNames: ["endpoint", "key", "status"],
    registers,
  });
  const events = new Counter({
    name: "productmatcher_collector_events_total",
    help: "Events, messages, items and users received, by what became of them",
    labelNames: ["result"],
    registers,
  });
  const append = new Histogram({
    name: "productmatcher_collector_append_seconds",
    help: "Until the log had confirmed the records of a request",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  new Gauge({
    name: "productmatcher_collector_buffered_bytes",
    help: "Bytes in memory that the log has not confirmed yet; at the limit requests are answered 429",
    registers,
    collect() {
      this.set(bufferedBytes());
    },
  });
  return {
    answered: (endpoint, key, status) => requests.inc({ endpoint, key, status: String(status) }),
    entries: (result, count) => events.inc({ result }, count),
    appended: (seconds) => append.observe(seconds),
  };
}
