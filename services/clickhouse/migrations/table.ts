import type { TableDefinition } from "../layout.ts";

/** The migrations that a database has had. */
export const MIGRATIONS_TABLE: TableDefinition = {
  name: "schema_migrations",
  columns: "version UInt32,\nname String,\napplied_at DateTime64(3, 'UTC')",
  engine: "ReplacingMergeTree",
  version: "applied_at",
  orderBy: "version",
};
