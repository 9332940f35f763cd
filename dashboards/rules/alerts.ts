/** When somebody is called, or told. Each alert has a page under docs/runbooks. */
import { type AlertingRule, type Duration, promql } from "./group.ts";
import { SLOS } from "./objectives.ts";
import { DAY, errorRatio, HOUR, LAG, MINUTE, MODEL_SCORE, type Window } from "./recording.ts";

/** Where the runbooks are read. */
export const RUNBOOKS = "https://productmatcher.dev/docs/runbooks/";

interface Alert {
  readonly name: string;
  readonly expr: string;
  /** For so many seconds before it fires. */
  readonly for: number;
  /** `critical` wakes somebody, `warning` waits for the morning. */
  readonly severity: "critical" | "warning";
  readonly summary: string;
}

/** Both windows: the long one says that it matters, the short one that it goes on. */
const BURNS = [
  { severity: "critical", long: "1h", short: "5m", rate: 14.4 },
  { severity: "critical", long: "6h", short: "30m", rate: 6 },
  { severity: "warning", long: "1d", short: "2h", rate: 3 },
  { severity: "warning", long: "3d", short: "6h", rate: 1 },
] as const;

/** Of a promise whose budget of errors (one less its target) is used up so many times as fast as it may. */
function burn(name: string, slos: RegExp, severity: "critical" | "warning", summary: string): Alert {
  const promises = SLOS.filter((slo) => slos.test(slo.name));
  const expr = promises
    .flatMap(({ name: slo, target }) =>
      BURNS.filter((each) => each.severity === severity).map(({ long, short, rate }) => {
        const above = (window: Window) =>
          `${errorRatio(window)}{slo="${slo}"} > ${Number((rate * (1 - target)).toFixed(6))}`;
        return `(${above(long)} and ${above(short)})`;
      }),
    )
    .join(" or ");
  return { name, expr, for: severity === "critical" ? 2 * MINUTE : 15 * MINUTE, severity, summary };
}

function burns(name: string, slos: RegExp, summary: string): Alert[] {
  return [burn(name, slos, "critical", summary), burn(name, slos, "warning", summary)];
}

const objective = (name: string) => `productmatcher_pipeline_objective{objective="${name}"}`;
const of = "{{ $labels.namespace }}/{{ $labels.pipeline }}";

function alerts(duration: Duration): Alert[] {
  return [
    ...burns("ProductMatcherFreshnessBurn", /^freshness$/, `Recommendations of ${of} follow activity too late`),
    ...burns("ProductMatcherLatencyBurn", /^latency$/, `Recommendations of ${of} are answered too slowly`),
    ...burns("ProductMatcherAvailabilityBurn", /-availability$/, `Requests to ${of} fail ({{ $labels.slo }})`),
    ...burns(
      "ProductMatcherDataLoss",
      /^acceptance$/,
      `Records sent to ${of} are not accepted and become dead letters`,
    ),
    {
      name: "ProductMatcherConsumerLagging",
      expr: promql`${LAG} > on (namespace, pipeline) ${objective("lag")}`,
      for: 5 * MINUTE,
      severity: "warning",
      summary: `{{ $value | humanize }} records wait to be stored for ${of}`,
    },
    {
      name: "ProductMatcherConsumerStuck",
      expr: promql`(max by (namespace, pipeline) (productmatcher_consumer_retrying) == 1 or ${LAG} > 0)
        and on (namespace, pipeline)
        sum by (namespace, pipeline) (rate(productmatcher_consumer_records_total[${duration(5 * MINUTE)}])) == 0`,
      for: 5 * MINUTE,
      severity: "critical",
      summary: `Records wait for ${of} and none is stored`,
    },
    {
      name: "ProductMatcherClickHouseRefusing",
      expr: promql`sum by (namespace, pipeline, cause) (
        increase(productmatcher_clickhouse_failures_total{cause!="data"}[${duration(10 * MINUTE)}])) > 0`,
      for: 5 * MINUTE,
      severity: "critical",
      summary: `ClickHouse refuses statements of ${of}: {{ $labels.cause }}`,
    },
    {
      name: "ProductMatcherDiskNearlyFull",
      expr: "productmatcher:clickhouse_disk_free:ratio < 0.1",
      for: 10 * MINUTE,
      severity: "warning",
      summary: `{{ $value | humanizePercentage }} of ClickHouse's disk is free for ${of}`,
    },
    {
      name: "ProductMatcherModelTooOld",
      expr: promql`min by (namespace, pipeline) (productmatcher_recommender_model_age_seconds{algorithm!~"popular|trending"}) / ${HOUR}
        > on (namespace, pipeline) ${objective("modelAgeHours")}`,
      for: 10 * MINUTE,
      severity: "warning",
      summary: `The newest model of ${of} is {{ $value | humanize }} hours old`,
    },
    {
      name: "ProductMatcherModelQualityDrop",
      expr: `${MODEL_SCORE} < 0.8 * max_over_time(${MODEL_SCORE}[${duration(7 * DAY)}])`,
      for: 10 * MINUTE,
      severity: "warning",
      summary: `{{ $labels.algorithm }} of ${of} is served with {{ $labels.metric }} {{ $value }}, a fifth below its best of a week`,
    },
    {
      name: "ProductMatcherModelRefused",
      expr: "max by (namespace, pipeline) (productmatcher_recommender_models_refused) > 0",
      for: 10 * MINUTE,
      severity: "warning",
      summary: `A published model of ${of} is broken and is not served`,
    },
    {
      name: "ProductMatcherTrainingFailing",
      expr: 'productmatcher_pipeline_condition{type="TrainingSucceeded", status="False"} == 1',
      for: 15 * MINUTE,
      severity: "warning",
      summary: `The last training run of ${of} published nothing`,
    },
    {
      name: "ProductMatcherPipelineNotReady",
      expr: 'productmatcher_pipeline_condition{type="Ready", status="True"} == 0',
      for: 10 * MINUTE,
      severity: "critical",
      summary: `${of} is not ready`,
    },
    {
      name: "ProductMatcherOperatorErrors",
      expr: promql`sum by (controller) (rate(controller_runtime_reconcile_errors_total{controller="recommenderpipeline"}[${duration(10 * MINUTE)}]))
        > 0.1 * sum by (controller) (rate(controller_runtime_reconcile_total{controller="recommenderpipeline"}[${duration(10 * MINUTE)}]))`,
      for: 10 * MINUTE,
      severity: "warning",
      summary: "The operator fails in more than a tenth of its reconciles",
    },
    {
      name: "ProductMatcherOperatorDown",
      expr: promql`max(max_over_time(leader_election_master_status{name="recommenderpipeline"}[${duration(DAY)}])) == 1
        unless max(leader_election_master_status{name="recommenderpipeline"}) == 1`,
      for: 5 * MINUTE,
      severity: "critical",
      summary: "No operator leads: pipelines run on, and nothing about them is changed or mended",
    },
  ];
}

export function alertingRules(duration: Duration): AlertingRule[] {
  return alerts(duration).map(({ name, expr, for: seconds, severity, summary }) => ({
    alert: name,
    expr,
    for: duration(seconds),
    labels: { severity },
    annotations: { summary, runbook_url: `${RUNBOOKS}${name}` },
  }));
}

export const ALERT_NAMES: readonly string[] = [...new Set(alerts((seconds) => `${seconds}s`).map(({ name }) => name))];
