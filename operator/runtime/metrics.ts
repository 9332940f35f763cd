/** The operator's own metrics, under the names that controller-runtime gave them: dashboards and alerts know those. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { WorkQueueObserver } from "./work-queue.ts";

export interface ControllerMetrics {
  readonly queue: WorkQueueObserver;
  /** @param result `success`, `requeue_after` or `error` */
  readonly onReconciled: (result: "success" | "requeue_after" | "error", seconds: number) => void;
  readonly onLeader: (leads: boolean) => void;
  readonly onRequest: (method: string, code: string) => void;
  readonly onCacheTrouble: (resource: string) => void;
}

const RECONCILE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const QUEUE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

/** @param name of the controller and its queue, a label of all of them */
export function controllerMetrics(registry: Registry, name: string, workers: number): ControllerMetrics {
  const registers = [registry];
  const queue = { name, controller: name };
  const counter = (metric: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name: metric, help, labelNames: [...labelNames], registers });
  const gauge = (metric: string, help: string, labelNames: readonly string[]) =>
    new Gauge({ name: metric, help, labelNames: [...labelNames], registers });
  const histogram = (metric: string, help: string, labelNames: readonly string[], buckets: number[]) =>
    new Histogram({ name: metric, help, labelNames: [...labelNames], buckets, registers });

  const OF_QUEUE = ["name", "controller"];
  const depth = gauge("workqueue_depth", "Keys that wait for a worker", OF_QUEUE);
  const adds = counter("workqueue_adds_total", "Keys that were added", OF_QUEUE);
  const retries = counter("workqueue_retries_total", "Keys that were added again after a failure", OF_QUEUE);
  const waited = histogram("workqueue_queue_duration_seconds", "From added to taken", OF_QUEUE, QUEUE_SECONDS);
  const worked = histogram("workqueue_work_duration_seconds", "From taken to done", OF_QUEUE, RECONCILE_SECONDS);
  const reconciles = counter("controller_runtime_reconcile_total", "Reconciles by result", ["controller", "result"]);
  const errors = counter("controller_runtime_reconcile_errors_total", "Reconciles that failed", ["controller"]);
  const seconds = histogram(
    "controller_runtime_reconcile_time_seconds",
    "Duration of reconciles",
    ["controller"],
    RECONCILE_SECONDS,
  );
  const active = gauge("controller_runtime_active_workers", "Workers at work", ["controller"]);
  gauge("controller_runtime_max_concurrent_reconciles", "Workers", ["controller"]).set({ controller: name }, workers);
  const leader = gauge("leader_election_master_status", "1 in the replica that leads", ["name"]);
  const requests = counter("rest_client_requests_total", "Requests to the API server", ["method", "code"]);
  const troubles = counter("productmatcher_operator_watch_failures_total", "Lists and watches that failed", [
    "resource",
  ]);

  depth.set(queue, 0);
  leader.set({ name }, 0);
  active.set({ controller: name }, 0);
  errors.inc({ controller: name }, 0);
  return {
    queue: {
      onDepth: (value) => depth.set(queue, value),
      onAdded: () => adds.inc(queue),
      onTaken: (value) => {
        waited.observe(queue, value);
        active.inc({ controller: name });
      },
      onDone: (value) => {
        worked.observe(queue, value);
        active.dec({ controller: name });
      },
      onRetry: () => retries.inc(queue),
    },
    onReconciled: (result, duration) => {
      reconciles.inc({ controller: name, result });
      if (result === "error") errors.inc({ controller: name });
      seconds.observe({ controller: name }, duration);
    },
    onLeader: (leads) => leader.set({ name }, leads ? 1 : 0),
    onRequest: (method, code) => requests.inc({ method, code }),
    onCacheTrouble: (resource) => troubles.inc({ resource }),
  };
}
