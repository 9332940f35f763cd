/** The operator as a process: watches, waits until it leads, reconciles, ends in good order. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import express from "express";
import type { Logger } from "pino";
import { notFound, operations, problemHandler, startServer } from "../../services/http/index.ts";
import { processRegistry } from "../../services/telemetry/index.ts";
import {
  type ClusterAccess,
  connectApiServer,
  controllerMetrics,
  eventRecorder,
  isTransient,
  startController,
  startLeaderElection,
  type WorkQueue,
} from "../runtime/index.ts";
import { watchCluster } from "./cluster.ts";
import { pipelineFigures } from "./figures.ts";
import { MANAGER } from "./names.ts";
import { reconciler } from "./reconcile.ts";
import { rollouts } from "./rollouts.ts";
import type { OperatorSettings } from "./settings.ts";

export const LEASE_NAME = "productmatcher-operator";

export interface OperatorOptions {
  readonly access: ClusterAccess;
  readonly settings: OperatorSettings;
  /** Whose pipelines are looked after; empty: all. */
  readonly namespaces: readonly string[];
  /** Pipelines in work at a time. */
  readonly workers: number;
  /** How long a leader that has fallen silent is waited for. */
  readonly leaseSeconds: number;
  readonly host: string;
  /** Of figures and probes; 0: any free port. */
  readonly port: number;
  readonly logger: Logger;
}

export interface RunningOperator {
  /** Of figures and probes. */
  readonly address: string;
  /** Resolves when another replica leads: this process must end at once, without `stop`. */
  readonly lost: Promise<void>;
  /** Rejects when a part fails for good. */
  readonly failed: Promise<never>;
  /** Finishes what is in work and gives the lease to another replica. */
  stop(): Promise<void>;
}

/** No request of ours may change anything any more: another replica may be at work. */
class NotLeaderError extends Error {
  override readonly name = "NotLeaderError";
  readonly code = "not_leader";
}

/** @throws ListenError */
export async function startOperator(options: OperatorOptions): Promise<RunningOperator> {
  const { access, settings, logger, workers } = options;
  const identity = `${hostname()}_${randomUUID()}`;
  const userAgent = `${MANAGER}/${settings.version}`;
  const registry = processRegistry({ role: "operator" });
  const metrics = controllerMetrics(registry, "recommenderpipeline", workers);
  const figures = pipelineFigures(registry);
  const now = () => Date.now();
  const monotonic = () => performance.now();
  const random = () => Math.random();

  // Of its own: a thousand reconciles may not hold up the renewal of the lease.
  const leaseApi = connectApiServer(access, { userAgent, onAnswer: metrics.onRequest, now });
  const election = startLeaderElection({
    ...{ api: leaseApi, namespace: settings.operatorNamespace, name: LEASE_NAME, identity, now, monotonic },
    leaseMilliseconds: options.leaseSeconds * 1_000,
    renewDeadlineMilliseconds: options.leaseSeconds * 700,
    retryMilliseconds: options.leaseSeconds * 200,
    onTrouble: (error) => logger.warn({ err: error }, "the lease could not be read or renewed"),
  });
  const api = connectApiServer(access, {
    userAgent,
    beforeWrite() {
      if (!election.isLeader()) throw new NotLeaderError("this replica does not lead (any more): nothing is written");
    },
    onAnswer: metrics.onRequest,
    now,
  });

  let queue: WorkQueue | null = null;
  const cluster = watchCluster({
    api,
    namespaces: options.namespaces,
    onChange: (key) => queue?.add(key),
    onCapabilities: (capabilities) => {
      logger.info({ capabilities }, "found in the cluster");
      for (const key of cluster.pipelines()) queue?.add(key);
    },
    onTrouble: ({ kind, error, failures, waitMilliseconds }) => {
      metrics.onCacheTrouble(kind);
      logger[failures > 1 || !isTransient(error) ? "warn" : "info"](
        { resource: kind, err: error, failures, waitMilliseconds },
        "list or watch failed",
      );
    },
    random,
  });

  const lead = async () => {
    await cluster.synced;
    await election.elected;
    metrics.onLeader(true);
    logger.info({ identity }, "leads");
    const turn = rollouts(settings.maxRollouts, (key) => queue?.add(key));
    const controller = reconciler({
      ...{ api, cluster, settings, rollouts: turn, figures, now },
      events: eventRecorder({
        ...{ api, controller: "productmatcher.dev/operator", instance: identity.slice(0, 128), now },
        onTrouble: (error) => logger.warn({ err: error }, "an event could not be written"),
      }),
    });
    queue = startController({
      ...{ workers, reconcile: controller, metrics, logger, now: monotonic, random },
    });
    for (const key of cluster.pipelines()) queue.add(key);
  };
  const leading = lead();

  const application = express();
  application.disable("x-powered-by");
  application.use(
    operations({
      registry,
      readiness: () => {
        const waitingFor = cluster.waitingFor();
        return waitingFor.length === 0 ? { ready: true } : { ready: false, waitingFor };
      },
      status: () => ({ identity, leads: election.isLeader(), pipelines: [...cluster.pipelines()].length }),
    }),
  );
  application.use(notFound);
  application.use(problemHandler(logger));
  const server = await startServer(application, { host: options.host, port: options.port, graceMilliseconds: 1_000 });

  return {
    address: server.address,
    lost: election.lost.then(() => metrics.onLeader(false)),
    failed: leading.then(() => new Promise<never>(() => {})),
    async stop() {
      await queue?.stop();
      await cluster.stop();
      await election.stop();
      await server.close();
      api.close();
      leaseApi.close();
    },
  };
}
