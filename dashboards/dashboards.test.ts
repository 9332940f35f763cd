import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BOARDS } from "./boards/index.ts";
import { dashboard } from "./build.ts";
import { metricsByPart } from "./metrics-page.ts";
import { ALERT_NAMES, ruleGroups } from "./rules/index.ts";

const RUNBOOKS = new URL("../docs/runbooks/", import.meta.url);
const rules = ruleGroups().flatMap((group) => group.rules);
const panels = BOARDS.flatMap((board) => board.rows.flatMap((row) => row.panels));
const recorded = new Set(rules.flatMap((rule) => ("record" in rule ? [rule.record] : [])));
const metrics = new Map([...metricsByPart().values()].flat().map((metric) => [metric.name, metric] as const));

/** Names in a question that begin as metrics do. */
function metricsIn(expr: string): string[] {
  const withoutText = expr.replaceAll(/"[^"]*"/g, '""');
  const named =
    /\b(?:productmatcher|process|nodejs|controller_runtime|workqueue|leader_election|rest_client)[a-z0-9_:]+/g;
  return withoutText.match(named) ?? [];
}

function isKnown(name: string): boolean {
  const histogram = metrics.get(name.replace(/_(bucket|sum|count)$/, ""));
  return recorded.has(name) || metrics.has(name) || histogram?.type === "histogram";
}

describe("dashboards and rules", () => {
  test("ask for metrics that a role has or a rule records", () => {
    const asked = [
      ...rules.map(({ expr }) => expr),
      ...panels.flatMap(({ queries }) => queries.flatMap((query) => ("expr" in query ? [query.expr] : []))),
    ].flatMap(metricsIn);
    expect(asked.length).toBeGreaterThan(100);
    expect(asked.filter((name) => !isKnown(name))).toEqual([]);
  });

  test("lead to runbooks that there are, and every runbook has its alert", () => {
    const pages = readdirSync(RUNBOOKS).map((file) => file.replace(/\.md$/, ""));
    expect(pages.filter((page) => page !== "README").toSorted()).toEqual(ALERT_NAMES.toSorted());
    const linked = panels.flatMap(({ runbook }) => runbook ?? []);
    expect(linked.filter((alert) => !ALERT_NAMES.includes(alert))).toEqual([]);
    const index = readFileSync(new URL("README.md", RUNBOOKS), "utf8");
    for (const alert of ALERT_NAMES) {
      const page = readFileSync(new URL(`${alert}.md`, RUNBOOKS), "utf8");
      expect(page).toMatch(/^# \w+\n\n## What it means\n.+\n## How to check\n.+\n## How to mend\n.+/s);
      expect(index).toContain(`(${alert}.md)`);
    }
  });

  test("lead from latency and freshness to traces of the time and pipelines that are shown", () => {
    const leading = panels.filter(({ traces }) => traces !== undefined).map(({ title }) => title);
    expect(leading).toEqual(expect.arrayContaining(["Latency by endpoint", "Freshness", "Until the log confirmed"]));
    const shown = BOARDS.map(dashboard).find(({ title }) => title === "ProductMatcher / Serving");
    expect(shown?.templating?.list?.find(({ name }) => name === "traces")).toMatchObject({ query: "tempo" });
    const built = JSON.stringify(shown);
    const url = /"(\/explore[^"]+)"/.exec(built)?.[1] ?? "";
    const filled = url.replaceAll(/\$\{(\w+)(:regex)?\}/g, (_, name) => `of-${name}`);
    expect(JSON.parse(new URL(filled, "http://grafana").searchParams.get("panes") ?? "")).toEqual({
      traces: {
        datasource: "of-traces",
        queries: [
          {
            refId: "A",
            datasource: { type: "tempo", uid: "of-traces" },
            queryType: "traceql",
            query:
              '{ resource.service.name = "productmatcher-recommender" && resource.service.namespace =~ "of-namespace" && resource.productmatcher.pipeline =~ "of-pipeline" && kind = server && duration > 10ms }',
          },
        ],
        range: { from: "of-__from", to: "of-__to" },
      },
    });
  });

  test("have panels that say their unit and what they are for, side by side without a gap", () => {
    for (const panel of panels) expect(panel.description, panel.title).not.toBe("");
    for (const board of BOARDS) {
      const built = dashboard(board);
      const places = (built.panels ?? []).map(({ gridPos }) => gridPos);
      expect(new Set(places.map((place) => `${place?.x}/${place?.y}`)).size, board.title).toBe(places.length);
      for (const place of places) expect((place?.x ?? 0) + (place?.w ?? 0)).toBeLessThanOrEqual(24);
    }
  });
});

describe("metrics", () => {
  test("are named by the conventions of Prometheus", () => {
    const ours = [...metrics.values()].filter(({ name }) => name.startsWith("productmatcher_"));
    expect(ours.length).toBeGreaterThan(40);
    for (const { name, type, labels, help } of ours) {
      expect(name).toMatch(/^productmatcher_[a-z0-9_]+$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name, "base units").not.toMatch(/_(milliseconds|ms|minutes|hours|percent|kilobytes|megabytes)(_|$)/);
      expect(help, name).not.toBe("");
      expect(
        labels.filter((label) => /user|item|session|url|address|id$/.test(label)),
        name,
      ).toEqual([]);
    }
  });
});
