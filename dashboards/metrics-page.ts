/** docs/metrics.md: every metric of every role, as the code registers it. */
import type { Registry } from "prom-client";
import { pipelineFigures } from "../operator/pipeline/figures.ts";
import { controllerMetrics } from "../operator/runtime/index.ts";
import { statementMetrics, storedMetrics } from "../services/clickhouse/index.ts";
import { collectorMetrics } from "../services/collector/metrics.ts";
import { consumerMetrics } from "../services/consumer/index.ts";
import { recommenderMetrics } from "../services/recommender/metrics.ts";
import { processRegistry } from "../services/telemetry/index.ts";

export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  /** Of its value, by the conventions of Prometheus: the end of the name. */
  readonly unit: string;
  readonly help: string;
}

interface RegisteredMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** Adds what a role has beside what every process has. */
type Registers = (registry: Registry) => void;

const nothing = () => 0;

const PARTS = {
  collector: (registry) => void collectorMetrics(registry, nothing),
  consumer: (registry) => {
    consumerMetrics(registry);
    statementMetrics(registry);
    storedMetrics(registry, () => ({}));
  },
  recommender: (registry) => {
    recommenderMetrics(registry, {
      model: () => undefined,
      refusedModels: nothing,
      actors: nothing,
      actorBytes: nothing,
      catalogueItems: nothing,
      tailLag: nothing,
    });
    statementMetrics(registry);
  },
  operator: (registry) => {
    controllerMetrics(registry, "recommenderpipeline", 1);
    pipelineFigures(registry);
  },
} as const satisfies Readonly<Record<string, Registers>>;

/** By what has them; `process`: all. */
export function metricsByPart(): ReadonlyMap<string, readonly MetricRow[]> {
  const own = (register: Registers, known: ReadonlySet<string>) => {
    const registry = processRegistry({ role: "any" });
    register(registry);
    const metrics = registry.getMetricsAsArray() as unknown as readonly RegisteredMetric[];
    return metrics.filter(({ name }) => !known.has(name)).map(row);
  };
  const common = own(() => {}, new Set());
  const names = new Set(common.map(({ name }) => name));
  return new Map([
    ...Object.entries(PARTS).map(([part, register]) => [part, own(register, names)] as const),
    ["process", common] as const,
  ]);
}

function row({ name, type, help, labelNames }: RegisteredMetric): MetricRow {
  return { name, type, labels: labelNames.filter((label) => label !== "le"), unit: unitOf(name, type), help };
}

const UNITS = {
  timestamp_seconds: "seconds since 1970",
  seconds: "seconds",
  bytes: "bytes",
  ratio: "ratio",
  info: "1",
};

function unitOf(name: string, type: string): string {
  const base = name.replace(/_total$/, "");
  const unit = Object.entries(UNITS).find(([end]) => base.endsWith(`_${end}`))?.[1];
  if (unit !== undefined) return unit;
  return type === "counter" || /_(records|events|items|actors|letters|lag)$/.test(base) ? "count" : "number";
}

const ABOUT: Readonly<Record<string, string>> = {
  collector: "What shops send, until the log has it.",
  consumer: "From the log into tables. `productmatcher_clickhouse_*` are of its own statements.",
  recommender: "What is served and out of what. `productmatcher_clickhouse_*` are of its own statements.",
  operator:
    "Of the operator, in the replica that leads. The names `controller_runtime_*`, `workqueue_*`, `rest_client_*` and " +
    "`leader_election_*` are those of other operators, whose dashboards know them.",
  process: "Of every process: `prom-client`'s figures of Node.js, and the build.",
};

const HEAD = `<!-- Generated from the code by \`npm run generate\`. Change the metrics there. -->
# Metrics

Every role answers \`GET /metrics\` on its operations port (9090), the operator too; \`productmatcher local\` has the metrics
of collector, consumer and recommender together, at its one address. The trainer is a Job, which nobody scrapes: what came
of a run is said by the operator (\`productmatcher_pipeline_training_*\`, \`productmatcher_pipeline_candidate_*\`), what is
served by the recommender.

Every series carries \`role\`, and \`namespace\` and \`pipeline\` of its pipeline, whatever scrapes it. Scrape with
\`honor_labels: true\`: the operator's series name the pipeline that they are about. The values of labels come from the
resource and from the code, never from what visitors send: no user, item, session, address or text of theirs is a label.

Outside of a cluster:

\`\`\`yaml
scrape_configs:
  - job_name: productmatcher
    honor_labels: true
    static_configs:
      - targets: [localhost:9091, localhost:9092, localhost:9093]
\`\`\`

Dashboards (\`charts/productmatcher/files/dashboards\`) and rules (\`charts/productmatcher/files/rules.yaml\`) serve all
pipelines; what is allowed comes from each pipeline's \`objectives\` (\`productmatcher_pipeline_objective\`). Alerts and what to
do: [runbooks](runbooks/README.md). Outside of a cluster import the JSON into Grafana and name \`rules.yaml\` under \`rule_files\`. Grafana
asks Prometheus, and for Business and part of Models ClickHouse, through its own plug-in (\`grafana-clickhouse-datasource\`)
and a user who may read the pipeline's database.
`;

export function metricsPage(): string {
  const sections = [...metricsByPart()].map(([part, rows]) => {
    const lines = rows.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(line);
    const title = `${part[0]?.toUpperCase()}${part.slice(1)}`;
    const table = ["| name | type | labels | unit | meaning |", "|---|---|---|---|---|", ...lines].join("\n");
    return `## ${title}\n\n${ABOUT[part]}\n\n${table}\n`;
  });
  return [HEAD, ...sections].join("\n");
}

function line({ name, type, labels, unit, help }: MetricRow): string {
  const named = labels.map((label) => `\`${label}\``).join(", ");
  return `| \`${name}\` | ${type} | ${named} | ${unit} | ${help.replaceAll("|", "\\|").replace(/\.$/, "")} |`;
}
