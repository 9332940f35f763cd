import type { PipelineSpec } from "../../crds/index.ts";
import type { SqlClient } from "../postgres/index.ts";
import { createTables } from "../simulation/index.ts";

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
  await createTables(engine, spec);
  return {
    query: (sql, parameters) => engine.query(sql, parameters),
    close: () => engine.close(),
  };
}
