/**
 * One way to write a table for every place it may live: the embedded engine and a single server (plain engines), or a
 * named cluster (a Replicated table on each shard and a Distributed one over them).
 */
import { identifier } from "./identifier.ts";

export interface Layout {
  readonly database: string;
  /** Absent: one server. */
  readonly cluster?: string;
  /** TTL of what people did; absent: kept for ever. */
  readonly retentionDays?: number;
}

export interface TableDefinition {
  readonly name: string;
  /** Columns and indices, as between the brackets of CREATE TABLE. */
  readonly columns: string;
  readonly engine: "MergeTree" | "ReplacingMergeTree" | "AggregatingMergeTree";
  /** The version column of a ReplacingMergeTree. */
  readonly version?: string;
  readonly orderBy: string;
  readonly partitionBy?: string;
  /** What decides the shard; the whole row's key when absent. */
  readonly shardBy?: string;
  /** The time column that `retentionDays` counts from. */
  readonly expires?: string;
  readonly indexGranularity?: number;
}

/** Statements that make the table where it is absent. */
export function createTable(table: TableDefinition, layout: Layout): string[] {
  if (layout.cluster === undefined) {
    const engine = `${table.engine}(${table.version ?? ""})`;
    return [createStatement(table, layout, table.name, engine, "")];
  }
  const cluster = identifier(layout.cluster);
  const arguments_ = ["'/clickhouse/tables/{uuid}/{shard}'", "'{replica}'", ...(table.version ? [table.version] : [])];
  const local = createStatement(
    table,
    layout,
    localName(table.name),
    `Replicated${table.engine}(${arguments_.join(", ")})`,
    ` ON CLUSTER ${cluster}`,
  );
  const key = `cityHash64(${table.shardBy ?? table.orderBy.replace(/^\((.*)\)$/, "$1")})`;
  const distributed = `CREATE TABLE IF NOT EXISTS ${qualified(layout, table.name)} ON CLUSTER ${cluster}
AS ${qualified(layout, localName(table.name))}
ENGINE = Distributed(${cluster}, ${identifier(layout.database)}, ${identifier(localName(table.name))}, ${key})`;
  return [local, distributed];
}

/** A view that reads whole tables (the Distributed ones on a cluster). */
export function createView(name: string, select: string, layout: Layout): string {
  return `CREATE VIEW IF NOT EXISTS ${qualified(layout, name)}${onCluster(layout)} AS\n${select}`;
}

/** A materialized view that writes what arrives in one table into another, on the same shard. */
export function createFeed(
  name: string,
  feed: { readonly from: string; readonly to: string; readonly select: string },
  layout: Layout,
): string {
  const target = qualified(layout, storedName(feed.to, layout));
  const source = qualified(layout, storedName(feed.from, layout));
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS ${qualified(layout, name)}${onCluster(layout)} TO ${target} AS
${feed.select}
FROM ${source}`;
}

/** The table that holds a table's rows on this server: for ALTER, OPTIMIZE and the like. */
export function storedName(table: string, layout: Layout): string {
  return layout.cluster === undefined ? table : localName(table);
}

export function onCluster(layout: Layout): string {
  return layout.cluster === undefined ? "" : ` ON CLUSTER ${identifier(layout.cluster)}`;
}

function createStatement(table: TableDefinition, layout: Layout, name: string, engine: string, on: string): string {
  const clauses = [
    `CREATE TABLE IF NOT EXISTS ${qualified(layout, name)}${on} (\n${table.columns.trim()}\n)`,
    `ENGINE = ${engine}`,
  ];
  if (table.partitionBy !== undefined) clauses.push(`PARTITION BY ${table.partitionBy}`);
  clauses.push(`ORDER BY ${table.orderBy}`);
  if (table.expires !== undefined && layout.retentionDays !== undefined) {
    clauses.push(`TTL toDateTime(${table.expires}) + INTERVAL ${layout.retentionDays} DAY`);
  }
  // The log's acknowledgement promises that a power loss loses nothing; so does the sink's.
  const settings = ["fsync_after_insert = 1", "fsync_part_directory = 1"];
  if (table.indexGranularity !== undefined) settings.push(`index_granularity = ${table.indexGranularity}`);
  clauses.push(`SETTINGS ${settings.join(", ")}`);
  return clauses.join("\n");
}

function qualified(layout: Layout, name: string): string {
  return `${identifier(layout.database)}.${identifier(name)}`;
}

function localName(table: string): string {
  return `${table}_local`;
}
