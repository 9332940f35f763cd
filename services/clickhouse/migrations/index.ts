import type { ClickHouse } from "../client.ts";
import { createTable, type Layout } from "../layout.ts";
import { activity } from "./0001-activity.ts";
import { models } from "./0002-models.ts";
import { modelContents } from "./0010-model-contents.ts";
import type { Migration } from "./migration.ts";

/** In order; one that was released never changes: a later one mends it. */
export const MIGRATIONS: readonly Migration[] = [activity, models, modelContents];

/** The database was made by a newer release; the message says what to do. */
export class SchemaVersionError extends Error {
  override readonly name = "SchemaVersionError";
  readonly code = "schema_version";
}

/** The version that a database has after `migrate`. */
export const SCHEMA_VERSION = Math.max(...MIGRATIONS.map((migration) => migration.version));

/**
 * Brings the database to SCHEMA_VERSION. Safe to run twice, and by two at once.
 *
 * @returns the versions that this call applied
 * @throws SchemaVersionError when the database was made by a newer ProductMatcher
 * @throws ClickHouseError
 */
export async function migrate(clickhouse: ClickHouse, layout: Layout, now: () => number): Promise<number[]> {
  for (const statement of createTable(
    {
      name: "schema_migrations",
      columns: "version UInt32,\nname String,\napplied_at DateTime64(3, 'UTC')",
      engine: "ReplacingMergeTree",
      version: "applied_at",
      orderBy: "version",
    },
    layout,
  )) {
    await clickhouse.command(statement);
  }
  const rows = await clickhouse.query<{ version: number }>("SELECT DISTINCT version FROM schema_migrations");
  const applied = new Set(rows.map((row) => row.version));
  const newest = Math.max(0, ...applied);
  if (newest > SCHEMA_VERSION) {
    throw new SchemaVersionError(
      `database ${layout.database} has schema version ${newest}, this ProductMatcher knows ${SCHEMA_VERSION}: use the newer release again`,
    );
  }
  const pending = MIGRATIONS.filter((migration) => !applied.has(migration.version));
  for (const migration of pending) {
    for (const statement of migration.statements(layout)) await clickhouse.command(statement);
    await clickhouse.insert("schema_migrations", [
      { version: migration.version, name: migration.name, applied_at: now() },
    ]);
  }
  return pending.map((migration) => migration.version);
}
