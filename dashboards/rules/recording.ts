/** What dashboards and alerts ask often, computed once. */
import { type Duration, promql, type RecordingRule } from "./group.ts";

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Over which shares of errors are looked at: burn rates compare a long with a short one. */
export const WINDOWS = {
  "5m": 5 * MINUTE,
  "30m": 30 * MINUTE,
  "1h": HOUR,
  "2h": 2 * HOUR,
  "6h": 6 * HOUR,
  "1d": DAY,
  "3d": 3 * DAY,
};

export type Window = keyof typeof WINDOWS;

export function errorRatio(window: Window): string {
  return `productmatcher:slo_errors:ratio_rate${window}`;
}

export function errorRules(duration: Duration): RecordingRule[] {
  return Object.entries(WINDOWS).map(([name, seconds]) => {
    const rate = (counter: string) =>
      `sum by (namespace, pipeline, slo) (rate(productmatcher:slo_${counter}:total[${duration(seconds)}]))`;
    return { record: errorRatio(name as Window), expr: promql`1 - ${rate("good")} / ${rate("all")}` };
  });
}

/** Of what is served. */
export const MODEL_SCORE = "productmatcher:model_score:max";

export const LAG = "productmatcher:consumer_lag:records";

export function pipelineRules(): RecordingRule[] {
  return [
    {
      // Each consumer of a group says the same of all partitions.
      record: LAG,
      expr: promql`sum by (namespace, pipeline) (
        max by (namespace, pipeline, topic, partition) (productmatcher_consumer_lag_records))`,
    },
    {
      record: MODEL_SCORE,
      expr: promql`max by (namespace, pipeline, algorithm, metric) (
        productmatcher_recommender_model_score{metric=~"ndcg@.+"})`,
    },
    {
      record: "productmatcher:clickhouse_disk_free:ratio",
      expr: promql`min by (namespace, pipeline) (
        productmatcher_clickhouse_disk_free_bytes / productmatcher_clickhouse_disk_size_bytes)`,
    },
  ];
}
