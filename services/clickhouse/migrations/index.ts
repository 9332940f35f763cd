import { type ClickHouse, createDatabase } from "../client.ts";
import { createTable, type Layout } from "../layout.ts";
import { activity } from "./0001-activity.ts";
import { models } from "./0002-models.ts";
import { identitiesAndOrders } from "./0003-identities-and-orders.ts";
import { deduplication } from "./0004-deduplication.ts";
import { modelContents } from "./0010-model-contents.ts";
import { modelPeopleAndItems } from "./0011-model-people-and-items.ts";
import { promotions } from "./0020-promotions.ts";
import type { Migration } from "./migration.ts";
import { MIGRATIONS_TABLE } from "./table.ts";

/** In order; one that was released never changes: a later one mends it. */
export const MIGRATIONS: readonly Migration[] = [
  activity,
  models,
  identitiesAndOrders,
  deduplication,
  modelContents,
  modelPeopleAndItems,
  promotions,
];

/** The database was made by a newer release; the message says what to do. */
export class SchemaVersionError extends Error {
  override readonly name = "SchemaVersionError";
  readonly code = "schema_version";
}

/** The version that a database has after `migrate`. */
export const SCHEMA_VERSION = Math.max(...MIGRATIONS.map((migration) => migration.version));

/**
 * Makes the database when absent and brings it to SCHEMA_VERSION. Safe to run twice, and by two at once.
 *
 * @returns the versions that this call applied
 * @throws SchemaVersionError when the database was made by a newer ProductMatcher
 * @throws ClickHouseError
 */
export async function migrate(clickhouse: ClickHouse, layout: Layout, now: () => number): Promise<number[]> {
  await createDatabase(clickhouse.target, layout.database, layout.cluster);
  for (const statement of createTable(MIGRATIONS_TABLE, layout)) await clickhouse.command(statement);
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

/** The database is older than this release needs; the message says what to do. */
export class SchemaMissingError extends Error {
  override readonly name = "SchemaMissingError";
  readonly code = "schema_missing";
}

/**
 * Migrations only add, so a newer schema serves an older release too.
 *
 * @throws SchemaMissingError before this release's migration has run
 * @throws ClickHouseError
 */
export async function requireSchema(clickhouse: ClickHouse): Promise<void> {
  const version = await schemaVersion(clickhouse);
  if (version >= SCHEMA_VERSION) return;
  throw new SchemaMissingError(
    `database ${clickhouse.database} has schema version ${version} and ${SCHEMA_VERSION} is needed: run "productmatcher migrate"`,
  );
}

/** ClickHouse's codes for a database and a table that are not there. */
const NOTHING_THERE = new Set(["81", "60"]);

async function schemaVersion(clickhouse: ClickHouse): Promise<number> {
  try {
    const [row] = await clickhouse.query<{ version: number }>("SELECT max(version) AS version FROM schema_migrations");
    return row?.version ?? 0;
  } catch (error) {
    if (error instanceof Error && "code" in error && NOTHING_THERE.has(String(error.code))) return 0;
    throw error;
  }
}
