/** What a dashboard shows, as data; `build.ts` makes Grafana's JSON of it. */

/** A question to Prometheus, over time. */
export interface PromQuery {
  readonly expr: string;
  /** Grafana's: `{{label}}`. */
  readonly legend: string;
}

/** A question to ClickHouse. A column `time` makes series of the others. */
export interface SqlQuery {
  readonly sql: string;
}

/** Leads to spans of the time shown. */
export interface TraceLink {
  /** Of the link. */
  readonly title: string;
  /** As in the label of its metrics. */
  readonly role: "collector" | "consumer" | "recommender";
  /** Conditions of TraceQL on the span. */
  readonly spans: string;
}

export interface Panel {
  readonly title: string;
  /** What it says, and when it is bad. */
  readonly description: string;
  readonly as: "lines" | "stacked" | "number" | "table";
  /** Grafana's: `s`, `bytes`, `percentunit`, `short`, `reqps`. */
  readonly unit: string;
  readonly queries: readonly PromQuery[] | readonly SqlQuery[];
  /** From which value on it is amiss: orange, red. `below`: amiss under it. */
  readonly thresholds?: { readonly warning: number; readonly critical: number; readonly below?: boolean };
  /** Alert whose runbook helps. */
  readonly runbook?: string;
  /** Whose traces say what it is made of: spans of a role by their name, in TraceQL. */
  readonly traces?: TraceLink;
  /** Of 24 columns. Default 8. */
  readonly width?: number;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Board {
  /** Of its file and its address. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** What is chosen above it: pipelines by their labels in Prometheus, the database of one in ClickHouse. */
  readonly chosenBy: readonly ("pipeline" | "database")[];
  readonly rows: readonly Row[];
}

/** Labels by which a pipeline's series are chosen on a dashboard. */
export const CHOSEN = 'namespace=~"$namespace", pipeline=~"$pipeline"';

/** @param by labels beside the pipeline's that stay apart */
export function rate(metric: string, by = "", matchers = ""): string {
  const labels = ["namespace", "pipeline", by].filter((label) => label !== "").join(", ");
  return `sum by (${labels}) (rate(${metric}{${chosen(matchers)}}[$__rate_interval]))`;
}

/** @param quantile such as 0.99 */
export function quantile(quantile: number, histogram: string, by = ""): string {
  const labels = ["namespace", "pipeline", "le", by].filter((label) => label !== "").join(", ");
  return `histogram_quantile(${quantile}, sum by (${labels}) (rate(${histogram}_bucket{${CHOSEN}}[$__rate_interval])))`;
}

export function chosen(matchers = ""): string {
  return matchers === "" ? CHOSEN : `${CHOSEN}, ${matchers}`;
}

export const PIPELINE = "{{namespace}}/{{pipeline}}";

/** The variable of the database. */
export const DB = "$database";

/** One line, however it is laid out. */
export function sql(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
