import { inSpan, isTracing, SpanKind } from "../telemetry/index.ts";

const INSERT = /^\s*INSERT INTO `?(\w+)/;
const OPERATION = /^\s*(?:WITH\b.*\bSELECT|(\w+))/s;

/**
 * Runs a statement in a span of its own, by OpenTelemetry's conventions for databases: named after what it does and, of an
 * insert, the table. The statement's text is not in it, and so no value either.
 */
export function inStatementSpan<T>(database: string, sql: string, work: () => Promise<T>): Promise<T> {
  if (!isTracing()) return work();
  const [, table] = INSERT.exec(sql) ?? [];
  const operation = table === undefined ? (OPERATION.exec(sql)?.[1] ?? "SELECT").toUpperCase() : "INSERT";
  const attributes = {
    "db.system.name": "clickhouse",
    "db.namespace": database,
    "db.operation.name": operation,
    ...(table === undefined ? {} : { "db.collection.name": table }),
  };
  const name = table === undefined ? operation : `${operation} ${table}`;
  return inSpan(name, { kind: SpanKind.CLIENT, attributes }, work);
}
