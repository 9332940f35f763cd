import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { SLOTS, type Slot } from "./model.ts";

/** What the gauges show, read when they are scraped. */
export interface Observed {
  readonly modelAgeSeconds: (algorithm: Slot) => number | undefined;
  readonly refusedModels: () => number;
  readonly actors: () => number;
  readonly actorBytes: () => number;
  readonly catalogueItems: () => number;
  readonly tailLag: () => number;
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
        const age = observed.modelAgeSeconds(algorithm);
        if (age !== undefined) this.set({ algorithm }, age);
      }
    },
  });
  return {
    requests: new Histogram({
      name: "productmatcher_recommender_request_duration_seconds",
      help: "Time to compute an answer, by endpoint and status.",
      labelNames: ["endpoint", "status"],
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
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
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
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
    historyLoads: new Counter({
      name: "productmatcher_recommender_history_loads_total",
      help: "Histories asked of ClickHouse, by result: found, absent, failed, late, refused.",
      labelNames: ["result"],
      registers,
    }),
    failures: new Counter({
      name: "productmatcher_recommender_failures_total",
      help: "Background work that failed and is tried again, by task: refresh, tail.",
      labelNames: ["task"],
      registers,
    }),
  };
}
