import { type ClickHouseClient, type ClickHouseClientConfigOptions, createClient } from "@clickhouse/client";
import { identifier } from "./identifier.ts";
import { type StatementLimits, sessionSettings } from "./settings.ts";
import type { Access } from "./target.ts";

/** The engine inside this process. The database is made when absent. */
export async function embeddedAccess(path: string, database: string, limits: StatementLimits): Promise<Access> {
  const { createChdbConnection } = await import("chdb/connection").catch((cause: unknown) => {
    throw new Error("the embedded ClickHouse engine is not installed: npm install chdb, or name a server", { cause });
  });
  const connection = createChdbConnection({ path });
  const client: ClickHouseClient = createClient({
    // Of the same shape, but typed from the adapter's own copy of the client's types.
    connection: connection as unknown as NonNullable<ClickHouseClientConfigOptions["connection"]>,
  });
  // Once for the session: the adapter would put them before every statement, which made inserts cost three times as much.
  for (const [name, value] of Object.entries(sessionSettings(limits))) {
    await client.command({ query: `SET ${name} = ${value}` });
  }
  await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${identifier(database)}` });
  await client.command({ query: `USE ${identifier(database)}` });
  return {
    run: (statement, signal) => statement(client, signal),
    close: () => client.close(),
  };
}
