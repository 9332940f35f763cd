import type { PipelineSpec } from "../../crds/index.ts";
import { quotedName, quotedTable, type SqlClient } from "../consumer/index.ts";

type Postgres = NonNullable<PipelineSpec["enrichment"]>["postgres"];

export interface EmbeddedPostgres extends SqlClient {
  close(): Promise<void>;
}

/**
 * The Postgres engine inside this process, with its data in a folder, in place of the server that the resource names.
 * Tables that the resource reads and that are not there are made, empty.
 *
 * @throws Error when the engine (an optional dependency) is not installed
 */
export async function openEmbeddedPostgres(path: string, spec: Postgres): Promise<EmbeddedPostgres> {
  const { PGlite } = await import("@electric-sql/pglite").catch((cause: unknown) => {
    throw new Error("the embedded Postgres engine is not installed: npm install @electric-sql/pglite", { cause });
  });
  const engine = await PGlite.create(path);
  for (const table of [spec.users, spec.items]) {
    if (table === undefined) continue;
    const columns = [...new Set(Object.values(table.columns))].filter((column) => column !== table.key);
    const key = `${quotedName(table.key)} text PRIMARY KEY`;
    const definitions = [key, ...columns.map((column) => `${quotedName(column)} text`)];
    const [schema] = table.table.includes(".") ? table.table.split(".") : [];
    if (schema !== undefined) await engine.exec(`CREATE SCHEMA IF NOT EXISTS ${quotedName(schema)}`);
    await engine.exec(`CREATE TABLE IF NOT EXISTS ${quotedTable(table.table)} (${definitions.join(", ")})`);
  }
  return {
    query: (sql, parameters) => engine.query(sql, parameters),
    close: () => engine.close(),
  };
}
