import { describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import { MIGRATIONS, migrate, openClickHouse, SCHEMA_VERSION, SchemaVersionError } from "../index.ts";

const TABLES = [
  "attributed_checkouts",
  "dead_letters",
  "events",
  "items",
  "model_aliases",
  "model_neighbours",
  "model_rankings",
  "model_sessions",
  "model_vectors",
  "model_versions",
  "model_weights",
  "schema_migrations",
  "touches",
  "users",
];

describe("migrate", () => {
  test("makes every table, and a second run changes nothing", async () => {
    const clickhouse = await emptyDatabase();
    const layout = { database: clickhouse.database };
    expect(await migrate(clickhouse, layout, Date.now)).toEqual(MIGRATIONS.map((m) => m.version));
    expect(await migrate(clickhouse, layout, Date.now)).toEqual([]);
    const tables = await clickhouse.query<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name",
    );
    expect(tables.map((t) => t.name)).toEqual(TABLES);
  });

  test("two at once end with the same tables", async () => {
    const first = await emptyDatabase();
    const second = await openClickHouse(first.target, first.database);
    const layout = { database: first.database };
    await Promise.all([migrate(first, layout, Date.now), migrate(second, layout, Date.now)]);
    const rows = await first.query("SELECT version FROM schema_migrations FINAL ORDER BY version");
    expect(rows).toEqual(MIGRATIONS.map((m) => ({ version: m.version })));
  });

  test("a database of a newer release is refused", async () => {
    const clickhouse = await emptyDatabase();
    const layout = { database: clickhouse.database };
    await migrate(clickhouse, layout, Date.now);
    await clickhouse.insert("schema_migrations", [{ version: SCHEMA_VERSION + 1, name: "later", applied_at: 1 }]);
    await expect(migrate(clickhouse, layout, Date.now)).rejects.toThrow(SchemaVersionError);
  });

  test("retention is a TTL, and there is none by default", async () => {
    const clickhouse = await emptyDatabase();
    await migrate(clickhouse, { database: clickhouse.database, retentionDays: 30 }, Date.now);
    const [events] = await clickhouse.query<{ ddl: string }>(
      "SELECT create_table_query AS ddl FROM system.tables WHERE database = currentDatabase() AND name = 'events'",
    );
    expect(events?.ddl).toContain("TTL toDateTime(occurred_at) + toIntervalDay(30)");
    for (const migration of MIGRATIONS) {
      expect(migration.statements({ database: "shop" }).join()).not.toContain("TTL");
    }
  });

  test("the forms for a cluster are ones that the engine's own parser accepts", async () => {
    const clickhouse = await emptyDatabase();
    const layout = { database: "shop", cluster: "shops", retentionDays: 90 };
    const statements = MIGRATIONS.flatMap((migration) => migration.statements(layout));
    expect(statements.filter((s) => s.includes("Distributed(`shops`")).length).toBe(TABLES.length - 1);
    for (const statement of statements) {
      expect(statement).toContain("ON CLUSTER `shops`");
      await clickhouse.query(`EXPLAIN AST ${statement}`);
    }
    await expect(clickhouse.query("EXPLAIN AST CREATE TABLE x ON CLUSTR y (a String)")).rejects.toThrow(/Syntax error/);
  });
});
