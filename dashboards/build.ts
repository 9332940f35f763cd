/** Grafana's JSON of a board. */
import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel as GrafanaPanel,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { type Board, CHOSEN, type Panel, type PromQuery, type SqlQuery, type TraceLink } from "./board.ts";
import { RUNBOOKS } from "./rules/index.ts";

const TAG = "productmatcher";
const PROMETHEUS = { type: "prometheus", uid: "$datasource" };
/** Grafana's own plug-in. */
const CLICKHOUSE_TYPE = "grafana-clickhouse-datasource";
const CLICKHOUSE = { type: CLICKHOUSE_TYPE, uid: "$clickhouse" };
/** The only store of traces whose Grafana plug-in speaks TraceQL; others are asked by the ids in the logs. */
const TEMPO_TYPE = "tempo";
const HEIGHT = 8;

export function dashboard(board: Board): Dashboard {
  const builder = new DashboardBuilder(board.title)
    .uid(`productmatcher-${board.name}`)
    .description(board.description)
    .tags([TAG])
    .readonly()
    .timezone("browser")
    .refresh("30s")
    .time({ from: board.chosenBy.includes("database") ? "now-7d" : "now-1h", to: "now" })
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("ProductMatcher")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .variables(variables(board))
    .annotations(annotations(board));
  for (const { title, panels } of board.rows) {
    builder.withRow(new RowBuilder(title));
    for (const each of panels) builder.withPanel(panel(each));
  }
  return builder.build();
}

function variables({ chosenBy, rows }: Board) {
  const leadsToTraces = rows.some(({ panels }) => panels.some(({ traces }) => traces !== undefined));
  const asksPrometheus = chosenBy.includes("pipeline") || !chosenBy.includes("database");
  return [
    ...(asksPrometheus ? [new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus")] : []),
    ...(chosenBy.includes("pipeline") ? pipelineChoice() : []),
    ...(chosenBy.includes("database") ? databaseChoice() : []),
    ...(leadsToTraces ? [new DatasourceVariableBuilder("traces").label("Traces").type(TEMPO_TYPE)] : []),
  ];
}

function pipelineChoice(): QueryVariableBuilder[] {
  return [
    choice("namespace", "Namespace", "label_values(productmatcher_build_info, namespace)"),
    choice("pipeline", "Pipeline", 'label_values(productmatcher_build_info{namespace=~"$namespace"}, pipeline)'),
  ];
}

function databaseChoice() {
  const sql = "SELECT database FROM system.tables WHERE name = 'attributed_checkouts' ORDER BY database";
  return [
    new DatasourceVariableBuilder("clickhouse").label("ClickHouse").type(CLICKHOUSE_TYPE),
    new QueryVariableBuilder("database")
      .label("Database of the pipeline")
      .datasource(CLICKHOUSE)
      .query({ rawSql: sql, refId: "database" })
      .definition(sql)
      .refresh(VariableRefresh.OnDashboardLoad),
  ];
}

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(PROMETHEUS)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .includeAll(true)
    .multi(true);
}

/** Moments at which something was changed on purpose: what is there and was not two minutes before. */
function appeared(by: string, metric: string, matchers = ""): string {
  const counted = (selector: string) => `count by (${by}) (${metric}${selector})`;
  return `${counted(matchers)} unless ${counted(`${matchers} offset 2m`)}`;
}

function annotations({ chosenBy }: Board): AnnotationQueryBuilder[] {
  if (!chosenBy.includes("pipeline")) return [];
  const annotation = (name: string, color: string, expr: string, title: string) =>
    new AnnotationQueryBuilder()
      .name(name)
      .datasource(PROMETHEUS)
      .enable(true)
      .iconColor(color)
      .expr(expr)
      .titleFormat(title)
      .step("1m");
  const promoted = appeared(
    "namespace, pipeline, algorithm, version",
    "productmatcher_recommender_model_info",
    `{${CHOSEN}}`,
  );
  const deployed = appeared("namespace, pipeline, role, version", "productmatcher_build_info", `{${CHOSEN}}`);
  return [
    annotation("Model promoted", "green", promoted, "{{algorithm}} {{version}}"),
    annotation("Release deployed", "blue", deployed, "{{role}} {{version}}"),
  ];
}

function panel(spec: Panel): Builder<GrafanaPanel> {
  const builder = visualised(spec)
    .title(spec.title)
    .description(spec.description)
    .unit(spec.unit)
    .height(HEIGHT)
    .span(spec.width ?? 8);
  for (const [index, query] of spec.queries.entries()) {
    const refId = String.fromCharCode("A".charCodeAt(0) + index);
    builder.withTarget("sql" in query ? sqlTarget(query, refId, spec) : promTarget(query, refId, spec));
  }
  builder.datasource(spec.queries.some((query) => "sql" in query) ? CLICKHOUSE : PROMETHEUS);
  const links = linksOf(spec);
  if (links.length > 0) builder.links(links);
  if (spec.thresholds !== undefined) builder.thresholds(thresholds(spec.thresholds));
  return builder;
}

function linksOf({ runbook, traces }: Panel): DashboardLinkBuilder[] {
  const link = (title: string, url: string) =>
    new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true);
  return [
    ...(runbook === undefined ? [] : [link(`Runbook: ${runbook}`, `${RUNBOOKS}${runbook}`)]),
    ...(traces === undefined ? [] : [link(`Traces: ${traces.title}`, exploreUrl(traces))]),
  ];
}

/** Grafana's page for a question to a data source, with the choices and the time of the dashboard filled in. */
function exploreUrl({ role, spans }: TraceLink): string {
  const of = [
    `resource.service.name = "productmatcher-${role}"`,
    `resource.service.namespace =~ "${filledIn("namespace", "regex")}"`,
    `resource.productmatcher.pipeline =~ "${filledIn("pipeline", "regex")}"`,
  ];
  const query = `{ ${[...of, spans].join(" && ")} }`;
  const source = filledIn("traces");
  const pane = {
    datasource: source,
    queries: [{ refId: "A", datasource: { type: TEMPO_TYPE, uid: source }, queryType: "traceql", query }],
    range: { from: filledIn("__from"), to: filledIn("__to") },
  };
  // Grafana fills in only what is not encoded.
  const panes = encodeURIComponent(JSON.stringify({ traces: pane })).replaceAll(
    /%24%7B[\w%]+?%7D/g,
    decodeURIComponent,
  );
  return `/explore?schemaVersion=1&orgId=1&panes=${panes}`;
}

/** A variable of the dashboard, as Grafana finds it in text. */
function filledIn(name: string, format?: string): string {
  return format === undefined ? `\${${name}}` : `\${${name}:${format}}`;
}

function visualised({ as, thresholds }: Panel): TimeseriesBuilder | StatBuilder | TableBuilder {
  if (as === "table") return new TableBuilder();
  if (as === "number") return new StatBuilder().graphMode(BigValueGraphMode.Area).colorMode(BigValueColorMode.Value);
  const lines = new TimeseriesBuilder()
    .lineWidth(1)
    .fillOpacity(as === "stacked" ? 30 : 8)
    .showPoints(VisibilityMode.Never)
    .spanNulls(false)
    .min(0)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (as === "stacked") lines.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (thresholds !== undefined)
    lines.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  return lines;
}

function thresholds({ warning, critical, below = false }: NonNullable<Panel["thresholds"]>): ThresholdsConfigBuilder {
  const steps = below
    ? [
        { value: null, color: "red" },
        { value: critical, color: "orange" },
        { value: warning, color: "green" },
      ]
    : [
        { value: null, color: "green" },
        { value: warning, color: "orange" },
        { value: critical, color: "red" },
      ];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function promTarget({ expr, legend }: PromQuery, refId: string, { as }: Panel): Builder<Dataquery> {
  const target = new DataqueryBuilder().refId(refId).expr(expr).legendFormat(legend);
  return as === "table" ? target.instant() : target.range();
}

function sqlTarget({ sql }: SqlQuery, refId: string, { as }: Panel): Builder<Dataquery> {
  const overTime = as === "lines" || as === "stacked";
  const target = {
    refId,
    datasource: CLICKHOUSE,
    editorType: "sql",
    rawSql: sql,
    queryType: overTime ? "timeseries" : "table",
    format: overTime ? 0 : 1,
    _implementsDataqueryVariant() {},
  };
  return { build: () => target };
}
