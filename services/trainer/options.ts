/** What a training run is told. */
import type { Layout } from "../clickhouse/index.ts";
import type { createAlgorithms } from "./algorithms/index.ts";
import type { GateOptions } from "./gate.ts";
import type { AveragedMetric } from "./judging/metrics.ts";

/** `spec.training`, as far as the trainer reads it. */
export interface TrainingOptions {
  readonly lookbackDays: number;
  /** Below as many weighted events a run ends with NotEnoughData. */
  readonly minEvents: number;
  /** By event name, 0 to 1,000; events that are not named have no weight. */
  readonly weights: Readonly<Record<string, number>>;
  readonly halfLifeDays: number;
  /** Names that ProductMatcher does not have are skipped with a notice; popular and trending are always trained. */
  readonly algorithms: readonly string[];
  readonly evaluation: { readonly holdoutHours: number; readonly metric: ComparedMetric; readonly k: number };
  readonly gate: GateOptions;
  /** Absent: algorithms have the parameters that they had, or their own. */
  readonly tuning?: { readonly trials: number; readonly timeoutMinutes: number } | undefined;
  /** Published versions of each algorithm that stay. */
  readonly keepVersions: number;
}

export type ComparedMetric = keyof typeof METRICS;

/** What `evaluation.metric` is called by the judge. */
export const METRICS = {
  NDCG: "ndcg",
  Recall: "recall",
  MRR: "mrr",
  HitRate: "hitRate",
  MAP: "map",
} as const satisfies Record<string, AveragedMetric>;

export interface TrainingLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface TrainingProgress {
  readonly algorithm: string;
  readonly step: "tune" | "judge" | "publish";
  /** Of the whole run, 0 to 1. */
  readonly share: number;
}

export interface TrainingDependencies {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: TrainingLog;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Where the tables are; one server when absent. */
  readonly layout?: Layout;
  /** A version that stays whatever its age, and so can be served at any time: `spec.serving.model.pinnedVersion`. */
  readonly pinnedVersion?: string;
  /** A model that answers slower on average is refused; no limit when absent. */
  readonly maxRankMilliseconds?: number;
  /** Makes algorithms by their names; createAlgorithms when absent. */
  readonly create?: typeof createAlgorithms;
}
