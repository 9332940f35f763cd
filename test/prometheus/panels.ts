/** What dashboards ask Prometheus. */
import { BOARDS } from "../../dashboards/boards/index.ts";
import { dashboard } from "../../dashboards/build.ts";
import { ruleGroups } from "../../dashboards/rules/index.ts";
import type { TestPrometheus } from "./prometheus.ts";

export interface PromPanel {
  /** Dashboard, panel, legend. */
  readonly name: string;
  readonly expr: string;
}

/** Metrics of the operator alone; a test without it has none of them. */
const OF_OPERATOR = /\b(controller_runtime|workqueue|leader_election|rest_client|productmatcher_pipeline_condition)\w*/;

/** With all pipelines chosen, and rates over as long. */
export function promPanels(rateInterval: string): readonly PromPanel[] {
  const filled = (expr: string) =>
    expr.replaceAll("$namespace", ".*").replaceAll("$pipeline", ".*").replaceAll("$__rate_interval", rateInterval);
  return BOARDS.flatMap((board) => [
    ...board.rows.flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) =>
        queries.flatMap((query) =>
          "expr" in query ? { name: `${board.title}: ${title}: ${query.legend}`, expr: filled(query.expr) } : [],
        ),
      ),
    ),
    ...(dashboard(board).annotations?.list ?? []).flatMap(({ name, expr }) =>
      expr === undefined ? [] : { name: `${board.title}: annotation ${name}`, expr: filled(expr) },
    ),
  ]);
}

export function isOfOperator({ expr }: PromPanel): boolean {
  return OF_OPERATOR.test(expr);
}

/** What rules record. */
export function recordedNames(): readonly string[] {
  const names = ruleGroups().flatMap(({ rules }) => rules.flatMap((rule) => ("record" in rule ? [rule.record] : [])));
  return [...new Set(names)];
}

/** Those that have no data, or none but "not a number". */
export async function withoutData(prometheus: TestPrometheus, panels: readonly PromPanel[]): Promise<string[]> {
  const empty: string[] = [];
  for (const { name, expr } of panels) {
    const samples = await prometheus.query(expr);
    if (!samples.some(({ value }) => !Number.isNaN(value))) empty.push(name);
  }
  return empty;
}
