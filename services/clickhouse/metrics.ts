import { Counter, Histogram, type Registry } from "prom-client";
import type { StatementObserver } from "./client.ts";
import { failureOf } from "./failure.ts";

const observers = new WeakMap<Registry, StatementObserver>();

/** Of every connection of a process together. */
export function statementMetrics(registry: Registry): StatementObserver {
  const known = observers.get(registry);
  if (known !== undefined) return known;
  const registers = [registry];
  const seconds = new Histogram({
    name: "productmatcher_clickhouse_statement_duration_seconds",
    help: "From a statement's begin to its end, well or not, by kind: query, command, insert",
    labelNames: ["kind"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
  });
  const failures = new Counter({
    name: "productmatcher_clickhouse_failures_total",
    help: "Statements that failed, by cause: data, credentials, rights, schema, overload, storage, unreachable, timeout, unknown",
    labelNames: ["cause"],
    registers,
  });
  const observer: StatementObserver = (kind, duration, error) => {
    seconds.observe({ kind }, duration);
    if (error !== null) failures.inc({ cause: failureOf(error).cause.toLowerCase() });
  };
  observers.set(registry, observer);
  return observer;
}
