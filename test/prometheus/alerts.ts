/** Which suite makes which alert fire. */
import { ruleGroups } from "../../dashboards/rules/index.ts";
import type { TestPrometheus } from "./prometheus.ts";

/** They come of what the operator says, of itself or of a pipeline's conditions. */
const OF_OPERATOR: readonly string[] = [
  "ProductMatcherTrainingFailing",
  "ProductMatcherPipelineNotReady",
  "ProductMatcherOperatorErrors",
  "ProductMatcherOperatorDown",
];

/** Each alert with its severity, in order; together those of both are all there are. */
export function alertsIn(room: "operator" | "roles"): string[] {
  return ruleGroups()
    .flatMap(({ rules }) => rules)
    .flatMap((rule) => ("alert" in rule ? [rule] : []))
    .filter(({ alert }) => OF_OPERATOR.includes(alert) === (room === "operator"))
    .map(({ alert, labels }) => `${alert} ${labels.severity}`)
    .toSorted();
}

/** Those that fired at any time since Prometheus began. */
export async function firedIn(prometheus: TestPrometheus): Promise<string[]> {
  const fired = await prometheus.query(
    'count by (alertname, severity) (count_over_time(ALERTS{alertstate="firing"}[1h]))',
  );
  return fired.map(({ metric }) => `${metric.alertname} ${metric.severity}`).toSorted();
}
