import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { SLOTS, type Slot } from "./model.ts";

/** Upper bounds; alert rules compare with the first that `objectives.latencyMilliseconds` does not exceed. */
export const REQUEST_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];
/** The same of `objectives.freshnessSeconds`. */
export const FRESHNESS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600];

/** What a recommender does besides answering. */
const BACKGROUND_TASKS = ["refresh", "tail"];
/** What may come of asking ClickHouse for a history. */
const HISTORY_RESULTS = ["found", "absent", "failed", "late", "refused"];

/** What the gauges show, read when they are scraped. */
export interface Observed {
  readonly model: (slot: Slot) => ServedFigures | undefined;
  readonly refusedModels: () => number;
  readonly actors: () => number;
  readonly actorBytes: () => number;
  readonly catalogueItems: () => number;
  readonly tailLag: () => number;
}

/** Of the version that is served of an algorithm. */
export interface ServedFigures {
  readonly version: string;
  readonly ageSeconds: number;
  /** By name and cutoff, such as `ndcg@20`. */
  readonly metrics: Readonly<Record<string, number>>;
}

export type RecommenderMetrics = ReturnType<typeof recommenderMetrics>;

/** The recommender's metrics; every label has few values. */
export function recommenderMetrics(registry: Registry, observed: Observed) {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `productmatcher_recommender_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("actors", "Actors whose recent history is in memory.", observed.actors);
  gauge("actor_bytes", "Estimated bytes of histories in memory.", observed.actorBytes);
  gauge("catalogue_items", "Items of the catalogue in memory.", observed.catalogueItems);
  gauge("models_refused", "Published versions that were refused because they are broken.", observed.refusedModels);
  gauge("tail_lag", "Records of the signals topic not yet read.", observed.tailLag);
  new Gauge({
    name: "productmatcher_recommender_model_age_seconds",
    help: "Time since the served version was trained.",
    labelNames: ["algorithm"],
    registers,
    collect() {
      for (const algorithm of SLOTS) {
        const model = observed.model(algorithm);
        if (model !== undefined) this.set({ algorithm }, model.ageSeconds);
      }
    },
  });
  new Gauge({
    name: "productmatcher_recommender_model_info",
    help: "1; the version that is served of each algorithm.",
    labelNames: ["algorithm", "version"],
    registers,
    collect() {
      this.reset();
      for (const algorithm of SLOTS) {
        const model = observed.model(algorithm);
        if (model !== undefined) this.set({ algorithm, version: model.version }, 1);
      }
    },
  });
  new Gauge({
    name: "productmatcher_recommender_model_score",
    help: "How the served version did on activity that it was not trained on, by metric and length of the list.",
    labelNames: ["algorithm", "metric"],
    registers,
    collect() {
      this.reset();
      for (const algorithm of SLOTS) {
        for (const [metric, score] of Object.entries(observed.model(algorithm)?.metrics ?? {}))
          this.set({ algorithm, metric }, score);
      }
    },
  });
  const failures = new Counter({
    name: "productmatcher_recommender_failures_total",
    help: "Background work that failed and is tried again, by task: refresh, tail.",
    labelNames: ["task"],
    registers,
  });
  for (const task of BACKGROUND_TASKS) failures.inc({ task }, 0);
  const historyLoads = new Counter({
    name: "productmatcher_recommender_history_loads_total",
    help: "Histories asked of ClickHouse, by result: found, absent, failed, late (over 500 ms: answered without), refused (128 under way).",
    labelNames: ["result"],
    registers,
  });
  for (const result of HISTORY_RESULTS) historyLoads.inc({ result }, 0);
  return {
    requests: new Histogram({
      name: "productmatcher_recommender_request_duration_seconds",
      help: "Time to compute an answer, by endpoint and status.",
      labelNames: ["endpoint", "status"],
      buckets: REQUEST_SECONDS,
      registers,
    }),
    answers: new Counter({
      name: "productmatcher_recommender_answers_total",
      help: "Answers, by endpoint and by what their first item comes from: session, similar, trending, popular, latest; none: no item.",
      labelNames: ["endpoint", "source"],
      registers,
    }),
    fallbacks: new Counter({
      name: "productmatcher_recommender_fallbacks_total",
      help: "Answers that hold nothing from where they should come, by endpoint and what they hold instead.",
      labelNames: ["endpoint", "source"],
      registers,
    }),
    freshness: new Histogram({
      name: "productmatcher_recommender_freshness_seconds",
      help: "Time from an event's arrival in the log until answers reflect it.",
      buckets: FRESHNESS_SECONDS,
      registers,
    }),
    signals: new Counter({
      name: "productmatcher_recommender_signals_total",
      help: "Events read from the signals topic.",
      registers,
    }),
    rejectedSignals: new Counter({
      name: "productmatcher_recommender_rejected_signal_records_total",
      help: "Records of the signals topic that could not be read.",
      registers,
    }),
    historyLoads,
    failures,
  };
}
