import { describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import { MIGRATIONS, migrate, openClickHouse, readLinks, SCHEMA_VERSION, SchemaVersionError } from "../index.ts";

const TABLES = [
  "attributed_checkouts",
  "dead_letters",
  "events",
  "identities",
  "items",
  "joined_touches",
  "model_aliases",
  "model_item_features",
  "model_neighbours",
  "model_promotions",
  "model_rankings",
  "model_sessions",
  "model_user_neighbours",
  "model_vectors",
  "model_versions",
  "model_weights",
  "order_lines",
  "refunded_checkouts",
  "schema_migrations",
  "touches",
  "user_identities",
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

  test("what was stored before a table came is in it", async () => {
    const clickhouse = await emptyDatabase();
    const layout = { database: clickhouse.database };
    await migrate(clickhouse, layout, Date.now);
    for (const table of ["user_identities_feed", "identities", "user_identities", "order_lines"]) {
      await clickhouse.command(`DROP TABLE ${table}`);
    }
    await clickhouse.command("ALTER TABLE schema_migrations DELETE WHERE version = 3 SETTINGS mutations_sync = 1");
    const event = { event: "view", item_id: "lamp", quantity: 1, ingested_at: 0 };
    await clickhouse.insert("events", [
      { ...event, event_id: "1", user_id: "ann", anonymous_id: "phone", occurred_at: 2_000 },
      { ...event, event_id: "2", user_id: "bob", anonymous_id: "phone", occurred_at: 1_000 },
      { ...event, event_id: "3", anonymous_id: "desk", occurred_at: 1_000 },
      { ...event, event_id: "4", user_id: "ann", occurred_at: 0, event: "purchase", properties: { order_id: "o1" } },
    ]);
    expect(await migrate(clickhouse, layout, Date.now)).toEqual([3]);
    expect(await readLinks(clickhouse, ["ann", "bob"])).toEqual([
      { anonymousId: "phone", userId: "bob", linkedAt: 1_000 },
    ]);
    expect(await clickhouse.query("SELECT event, order_id, event_id, item_id FROM order_lines")).toEqual([
      { event: "purchase", order_id: "o1", event_id: "4", item_id: "lamp" },
    ]);
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
      expect(statement).toMatch(/ON CLUSTER `shops`|^INSERT INTO `shop`\./);
      await clickhouse.query(`EXPLAIN AST ${statement}`);
    }
    await expect(clickhouse.query("EXPLAIN AST CREATE TABLE x ON CLUSTR y (a String)")).rejects.toThrow(/Syntax error/);
  });
});
