/**
 * What a pipeline promises, as counters: how much there was, and how much of it was as promised. Bounds in seconds come
 * from each pipeline's `objectives`; a histogram has bounds of its own, and the first of them that an objective does not
 * exceed is compared with.
 */
import { type Objectives, objectives } from "../../crds/objectives.ts";
import { FRESHNESS_SECONDS, REQUEST_SECONDS } from "../../services/recommender/metrics.ts";
import { promql, type RecordingRule } from "./group.ts";

export interface Slo {
  /** Value of the label `slo`. */
  readonly name: string;
  /** Share that must be as promised. */
  readonly target: number;
  /** Per process: counters of all there was and of what was as promised. */
  readonly all: string;
  readonly good: string;
}

const DEFAULTS = objectives.parse({});

/** Of one series a process, whatever labels the metric has beside those of its process. */
const REQUESTS = "sum without (endpoint, status) (productmatcher_recommender_request_duration_seconds_count)";
const COLLECTED = "sum without (endpoint, key, status) (productmatcher_collector_requests_total)";
const RECORDS = "productmatcher_consumer_records_total";

/** All but the bad ones, where there may be no series of bad ones yet. */
function without(all: string, bad: string): string {
  return promql`${all} - (${bad} or ${all} * 0)`;
}

export const SLOS: readonly Slo[] = [
  {
    name: "freshness",
    target: 0.99,
    all: "productmatcher_recommender_freshness_seconds_count",
    good: withinObjective("productmatcher_recommender_freshness_seconds", "", FRESHNESS_SECONDS, "freshnessSeconds", 1),
  },
  {
    name: "latency",
    target: 0.99,
    all: REQUESTS,
    good: withinObjective(
      "productmatcher_recommender_request_duration_seconds",
      "endpoint, status, ",
      REQUEST_SECONDS,
      "latencyMilliseconds",
      1_000,
    ),
  },
  {
    name: "serving-availability",
    target: 0.999,
    all: REQUESTS,
    good: without(
      REQUESTS,
      'sum without (endpoint, status) (productmatcher_recommender_request_duration_seconds_count{status=~"5.."})',
    ),
  },
  {
    name: "collector-availability",
    target: 0.999,
    all: COLLECTED,
    good: without(
      COLLECTED,
      'sum without (endpoint, key, status) (productmatcher_collector_requests_total{status=~"5.."})',
    ),
  },
  {
    name: "acceptance",
    target: 0.999,
    all: RECORDS,
    good: without(RECORDS, "sum without (reason) (productmatcher_consumer_dead_letters_total)"),
  },
];

/** @param perSecond of the objective's unit */
function withinObjective(
  histogram: string,
  more: string,
  bounds: readonly number[],
  objective: keyof Objectives,
  perSecond: number,
): string {
  const allowed = `productmatcher_pipeline_objective{objective="${objective}"}`;
  const upTo = (bound: number | "+Inf") =>
    `sum without (${more}le) (${histogram}_bucket{le=~"${bound === "+Inf" ? "\\\\+Inf" : `${bound}|${bound}.0`}"})`;
  const cases = bounds.map((bound, index) => {
    const above = index === 0 ? "" : ` > ${(bounds[index - 1] ?? 0) * perSecond}`;
    return promql`(${upTo(bound)} and on (namespace, pipeline) (${allowed}${above} <= ${bound * perSecond}))`;
  });
  const last = bounds.at(-1) ?? 0;
  const beyond = promql`(${upTo("+Inf")} and on (namespace, pipeline) (${allowed} > ${last * perSecond}))`;
  // Where nobody says what is allowed: what the schema says by default.
  const byDefault = bounds.find((bound) => bound * perSecond >= DEFAULTS[objective]) ?? "+Inf";
  const unsaid = promql`(${upTo(byDefault)} unless on (namespace, pipeline) ${allowed})`;
  return [...cases, beyond, unsaid].join(" or ");
}

/** The counters of all promises, under one name each. */
export function objectiveRules(): RecordingRule[] {
  return SLOS.flatMap(({ name, target, all, good }) => [
    { record: "productmatcher:slo_all:total", expr: all, labels: { slo: name } },
    { record: "productmatcher:slo_good:total", expr: good, labels: { slo: name } },
    {
      record: "productmatcher:slo_budget:ratio",
      expr: `vector(${Number((1 - target).toFixed(6))})`,
      labels: { slo: name },
    },
  ]);
}
