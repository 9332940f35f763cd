import type { IncomingMessage, ServerResponse } from "node:http";
import type { Router } from "express";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { ActivityLog } from "../activity-log/index.ts";
import {
  type ClickHouse,
  type FailureCause,
  failureOf,
  openClickHouse,
  statementMetrics,
} from "../clickhouse/index.ts";
import type { Answer, Readiness } from "../http/index.ts";
import { ACTOR_LIMITS, type ActorLimits, Actors } from "./actors.ts";
import { recommendationAnswers } from "./answers.ts";
import { Catalogue } from "./catalogue.ts";
import { CatalogueSource } from "./catalogue-source.ts";
import { relevantEvents, type SeenPolicy } from "./history.ts";
import { HistoryModels } from "./history-models.ts";
import { clickHouseHistory, recentItems } from "./history-store.ts";
import { type Inspection, inspection } from "./inspection.ts";
import { ItemIndex } from "./item-index.ts";
import { type RecentLatency, recentLatency } from "./latency.ts";
import { recommenderMetrics } from "./metrics.ts";
import { type ServedVersion, SLOTS, type Slot } from "./model.ts";
import { ModelSource } from "./model-source.ts";
import { type Refresher, repeat } from "./refresher.ts";
import type { RawRequest } from "./request.ts";
import { hotPath, recommendationRouter } from "./router.ts";
import { type Tail, type TailStatus, tailSignals } from "./tail.ts";
import { readUserNeighbours } from "./user-neighbours.ts";

export interface ServingOptions {
  /** Asked at every answer. */
  readonly seen: () => SeenPolicy;
  /** A version that answers users in place of what the registry says. Asked whenever models are looked for. */
  readonly pinnedVersion: () => string | undefined;
  /** How far back the signals are read at the start. */
  readonly sessionMinutes: number;
  /** By event name, as in training. */
  readonly weights: Readonly<Record<string, number>>;
  readonly halfLifeDays: number;
}

export interface MemoryLimits extends ActorLimits {
  /** Of answers kept for users who ask again before anything has changed; 32 MiB by default, 0 keeps none. */
  readonly answerBytes: number;
}

export interface RecommenderOptions {
  /** Histories are read over it. A second connection, opened and closed here, reads models and the catalogue. */
  readonly clickhouse: ClickHouse;
  readonly log: ActivityLog;
  /** `<prefix>.signals` */
  readonly signalsTopic: string;
  readonly serving: ServingOptions;
  readonly limits?: Partial<MemoryLimits>;
  readonly registry: Registry;
  readonly now: () => number;
  /** How often ClickHouse is asked for new models and changed items; 2,000 by default. */
  readonly pollMilliseconds?: number;
  readonly logger: Logger;
}

export interface Recommender {
  /** Every endpoint below `/v1/recommendations/`, and `/openapi.json`. */
  readonly router: Router;
  /** For `startServer`: answers the GET endpoints before Express sees them, as the router would. */
  readonly hotPath: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** The answer to a request below `/v1/recommendations/`, whatever carries it. Never rejects. */
  readonly answer: (request: RawRequest) => Answer | Promise<Answer>;
  readonly readiness: () => Readiness;
  readonly status: () => RecommenderStatus;
  /** For people who want to know why an answer is as it is. */
  readonly inspect: Inspection;
  /** Looks for new models and changed items now. @throws ClickHouseError */
  readonly refresh: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const POLL_MILLISECONDS = 2_000;
const RECENT_ITEMS = 1_000;
const ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * Starts the serving role: reads models and catalogue, tails the signals, and answers from memory.
 *
 * @throws Error when ClickHouse cannot be opened at all; later failures are logged, shown and tried again
 */
export async function startRecommender(options: RecommenderOptions): Promise<Recommender> {
  const { clickhouse, log, serving, registry, now, logger } = options;
  const weights = new Map(Object.entries(serving.weights));
  const events = relevantEvents(weights);
  const items = new ItemIndex();
  const catalogue = new Catalogue(items);
  const background = await openClickHouse(clickhouse.target, clickhouse.database, {
    observe: statementMetrics(registry),
  });
  const models = new ModelSource({
    clickhouse: background,
    items,
    models: new HistoryModels(items),
    pinnedVersion: serving.pinnedVersion,
    now,
    logger,
  });
  const catalogueSource = new CatalogueSource(background, catalogue, now);
  const elapsed = () => performance.now();
  const latency = recentLatency(elapsed);
  const actors = new Actors({
    items,
    store: clickHouseHistory(clickhouse, events),
    interest: { weights, halfLifeDays: serving.halfLifeDays },
    limits: { ...ACTOR_LIMITS, ...options.limits },
    now,
    onLoad: (result, cause) => {
      metrics.historyLoads.inc({ result });
      if (result === "failed") logger.warn({ err: cause }, "a history could not be read; answering without it");
    },
  });
  const metrics = recommenderMetrics(registry, {
    model: (slot) => {
      const model = models.current[slot];
      if (model === null) return undefined;
      const { version, createdAt, metrics } = model;
      return { version, ageSeconds: (now() - createdAt) / 1_000, metrics };
    },
    refusedModels: () => models.refused.length,
    actors: () => actors.size,
    actorBytes: () => actors.bytes,
    catalogueItems: () => catalogue.size,
    tailLag: () => tail.status().lag ?? 0,
  });
  const tail = tailSignals({
    log,
    topic: options.signalsTopic,
    startFrom: now() - serving.sessionMinutes * 60_000,
    now,
    logger,
    onBatch: ({ signals, links }) => {
      metrics.signals.inc(signals.length);
      actors.join(links);
      actors.apply(signals);
    },
    onFreshness: (milliseconds) => metrics.freshness.observe(milliseconds / 1_000),
    onRejected: () => metrics.rejectedSignals.inc(),
    onFailure: () => metrics.failures.inc({ task: "tail" }),
  });
  let recalled = false;
  const refresher = repeat(
    async () => {
      await catalogueSource.refresh();
      await models.refresh();
      if (models.current.popular === null && !recalled) {
        const items = await recentItems(background, events, RECENT_ITEMS);
        actors.recall(items);
        recalled = items.length > 0;
      }
    },
    options.pollMilliseconds ?? POLL_MILLISECONDS,
    (cause) => {
      metrics.failures.inc({ task: "refresh" });
      logger.error({ err: cause }, "reading models and catalogue failed; trying again");
    },
  );
  const answer = recommendationAnswers({
    items,
    actors,
    shelf: () => ({
      model: models.current,
      catalogue,
      seen: serving.seen(),
      recentItems: () => actors.recentItems(),
    }),
    answerBytes: options.limits?.answerBytes ?? ANSWER_BYTES,
    metrics,
    latency,
    neighbours: async (user, limit) => {
      const version = models.userNeighbours;
      return version === undefined ? null : readUserNeighbours(background, version, user, limit);
    },
    now,
    elapsed,
    logger,
  });
  return {
    router: recommendationRouter(answer),
    hotPath: hotPath(answer),
    answer,
    readiness: () => readinessOf(tail, refresher),
    status: () => statusOf({ models, catalogue, actors, tail, refresher, latency }),
    inspect: inspection({ items, actors, catalogue, model: () => models.current, metrics, now }),
    refresh: () => refresher.refresh(),
    async close() {
      await Promise.all([tail.close(), refresher.close()]);
      await background.close();
    },
  };
}

function readinessOf(tail: Tail, refresher: Refresher): Readiness {
  const waitingFor: string[] = [];
  if (!refresher.succeeded())
    waitingFor.push(`the first look at models and catalogue (${refresher.error() ?? "under way"})`);
  if (!tail.status().caughtUp) waitingFor.push(`signals of this visit (${tail.status().error ?? "being read"})`);
  return waitingFor.length === 0 ? { ready: true } : { ready: false, waitingFor };
}

/** What `/status` says; times are ISO 8601. */
export interface RecommenderStatus {
  readonly models: Readonly<Partial<Record<Slot, ServedVersionStatus>>>;
  /** Published versions that are broken: the one before each is served on. */
  readonly refused: readonly { slot: Slot; version: string; reason: string; pinned: boolean; refusedAt: string }[];
  readonly catalogue: { readonly items: number; readonly hidden: number };
  readonly actors: { readonly count: number; readonly bytes: number };
  readonly signals: TailStatus;
  /** Why models and catalogue could not be read the last time; `null` when they could. */
  readonly error: string | null;
  /** Of that error. */
  readonly errorCause: FailureCause | null;
  /** The 99th percentile of the last one to two minutes; `null`: nothing was answered. */
  readonly latencyMilliseconds: number | null;
}

export interface ServedVersionStatus {
  readonly algorithm: string;
  readonly version: string;
  /** What it was judged by, and how it did. */
  readonly score: ServedVersion["score"];
  readonly trainedAt: string;
  readonly servedSince: string;
}

interface Parts {
  readonly models: ModelSource;
  readonly catalogue: Catalogue;
  readonly actors: Actors;
  readonly tail: Tail;
  readonly refresher: Refresher;
  readonly latency: RecentLatency;
}

function statusOf({ models, catalogue, actors, tail, refresher, latency }: Parts): RecommenderStatus {
  const served: Partial<Record<Slot, ServedVersionStatus>> = {};
  for (const slot of SLOTS) {
    const model = models.current[slot];
    if (model === null) continue;
    const { algorithm, version, createdAt, servedSince, score } = model;
    const [trainedAt, since] = [isoTime(createdAt), isoTime(servedSince)];
    served[slot] = { algorithm, version, score, trainedAt, servedSince: since };
  }
  return {
    models: served,
    refused: models.refused.map((refused) => ({ ...refused, refusedAt: isoTime(refused.refusedAt) })),
    catalogue: { items: catalogue.size, hidden: catalogue.hiddenCount },
    actors: { count: actors.size, bytes: actors.bytes },
    signals: tail.status(),
    error: refresher.error(),
    errorCause: refresher.failure() === null ? null : failureOf(refresher.failure()).cause,
    latencyMilliseconds: latency.p99(),
  };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
