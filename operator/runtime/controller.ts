/** Runs one reconcile function over keys: queue, metrics, log and trace around it. */
import type { Logger } from "pino";
import { inSpanFrom, ROOT_CONTEXT } from "../../services/telemetry/index.ts";
import { isTransient } from "./api-error.ts";
import type { ControllerMetrics } from "./metrics.ts";
import { startWorkQueue, type WorkQueue } from "./work-queue.ts";

export interface ControllerOptions {
  readonly workers: number;
  /** Resolves with the milliseconds after which the key should be looked at again; `null`: when something changes. */
  readonly reconcile: (key: string, logger: Logger) => Promise<number | null>;
  readonly metrics: ControllerMetrics;
  readonly logger: Logger;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
}

/** Keys that are added are reconciled at once. */
export function startController(options: ControllerOptions): WorkQueue {
  const { metrics, logger, now } = options;

  const work = (key: string) =>
    inSpanFrom(ROOT_CONTEXT, "reconcile", { attributes: { "productmatcher.resource": key } }, async () => {
      const began = now();
      try {
        const next = await options.reconcile(key, logger.child({ resource: key }));
        metrics.onReconciled(next === null ? "success" : "requeue_after", (now() - began) / 1000);
        return next;
      } catch (error) {
        metrics.onReconciled("error", (now() - began) / 1000);
        throw error;
      }
    });

  return startWorkQueue({
    workers: options.workers,
    work,
    onFailure: (key, error, failures, waitMilliseconds) => {
      // An outage of the API server is told by its metrics: one line for each of a thousand resources helps nobody.
      const level = isTransient(error) ? "debug" : "error";
      logger[level]({ resource: key, err: error, failures, waitMilliseconds }, "reconcile failed");
    },
    observer: metrics.queue,
    now,
    random: options.random,
  });
}
