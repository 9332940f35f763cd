import { PGlite } from "@electric-sql/pglite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import { compileTopic } from "../activity/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { type CatalogueSync, startCatalogueSync } from "./catalogue-sync.ts";

const START = Date.UTC(2026, 0, 1);
const TABLE = {
  table: "products",
  key: "id",
  columns: {
    name: "title",
    categories: "categories",
    tags: "tags",
    price: "price",
    stock: "stock",
    hidden: "hidden",
    createdAt: "created_at",
    embedding: "embedding",
    brand: "brand",
    weight: "weight",
    sizes: "sizes",
  },
};

let engine: PGlite;
let clickhouse: ClickHouse;
let sync: CatalogueSync;
let time: number;
let lines: Record<string, unknown>[];
/** That reached Postgres; the first page of a reading has no parameter. */
let statements: string[];

beforeAll(async () => {
  engine = await PGlite.create();
});
afterAll(() => engine.close());

beforeEach(async () => {
  await engine.exec(`
    DROP TABLE IF EXISTS products;
    CREATE TABLE products (
      id integer PRIMARY KEY, title text, categories text[], tags text, price numeric(10, 2), stock integer,
      hidden boolean, created_at timestamp, embedding real[], brand text, weight double precision, sizes text[]
    );
    INSERT INTO products VALUES
      (1, '{Teapot}', '{tea,"pots, large"}', 'red, new', 12.50, 3, false, '2025-06-01 12:00:00', '{0.5,1}', 'Elm', 0.75,
       '{S,M}'),
      (2, 'Cup', NULL, NULL, NULL, NULL, true, NULL, NULL, NULL, NULL, NULL)`);
  clickhouse = await migratedDatabase();
  time = START;
  statements = [];
  const recorded = linesLogger();
  lines = recorded.lines;
  const attributes = [
    { name: "brand", type: "String" },
    { name: "weight", type: "Number" },
    { name: "sizes", type: "StringList" },
  ] as const;
  sync = startCatalogueSync({
    clickhouse,
    postgres: {
      query(sql, parameters) {
        statements.push(sql);
        return engine.query(sql, parameters);
      },
    },
    table: TABLE,
    mapper: compileTopic(
      { name: "products", record: "Item" },
      { privacy: { ipAddress: "Drop", userAgent: "Drop" }, attributes },
    ),
    listAttributes: ["sizes"],
    refreshSeconds: 3_600,
    logger: recorded.logger,
    now: () => time,
  });
});

afterEach(async () => {
  await sync.close();
  await clickhouse.close();
});

function items() {
  return clickhouse.query<Record<string, unknown>>(
    `SELECT item_id, name, categories, tags, price, stock, hidden, embedding, attributes,
       toUnixTimestamp64Milli(created_at) AS created_at
     FROM items FINAL ORDER BY item_id`,
  );
}

describe("catalogue sync", () => {
  test("brings every row into items: lists, prices, times without zone as UTC, attributes by their types", async () => {
    expect(await sync.sync()).toBe(2);
    expect(await items()).toEqual([
      {
        item_id: "1",
        name: "{Teapot}",
        categories: ["tea", "pots, large"],
        tags: ["red", "new"],
        price: "12.5",
        stock: "3",
        hidden: false,
        embedding: [0.5, 1],
        attributes: { brand: '"Elm"', weight: "0.75", sizes: '["S","M"]' },
        created_at: String(Date.UTC(2025, 5, 1, 12)),
      },
      {
        item_id: "2",
        name: "Cup",
        categories: [],
        tags: [],
        price: null,
        stock: null,
        hidden: true,
        embedding: [],
        attributes: {},
        created_at: String(START),
      },
    ]);
  });

  test("a reading that is asked for joins one under way, and ends only once all is stored", async () => {
    // The regular reading has begun with the start.
    expect(await Promise.all([sync.sync(), sync.sync()])).toEqual([2, 2]);
    expect(await items()).toHaveLength(2);
    expect(statements.filter((sql) => !sql.includes("$1"))).toHaveLength(1);
  });

  test("stores only what changed since, and keeps when an item was first seen", async () => {
    await sync.sync();
    expect(await sync.sync()).toBe(0);
    time += 86_400_000;
    await engine.exec("UPDATE products SET stock = 9 WHERE id = 2; INSERT INTO products (id, title) VALUES (3, 'Can')");
    expect(await sync.sync()).toBe(2);
    expect((await items()).slice(1)).toMatchObject([
      { item_id: "2", name: "Cup", stock: "9", created_at: String(START) },
      { item_id: "3", name: "Can", created_at: String(time) },
    ]);
  });

  test("leaves alone what a topic has told of the item and no column says", async () => {
    await sync.sync();
    await clickhouse.insert("items", [{ item_id: "2", description: "by topic", stock: 4, updated_at: START + 1 }]);
    time += 60_000;
    await engine.exec("UPDATE products SET title = 'Mug' WHERE id = 2");
    await sync.sync();
    expect(await clickhouse.query("SELECT name, description, stock FROM items FINAL WHERE item_id = '2'")).toEqual([
      { name: "Mug", description: "by topic", stock: "4" },
    ]);
  });

  test("a row that is at fault is named and stops no other; it is read again once it changes", async () => {
    await sync.sync();
    await engine.exec("UPDATE products SET price = -1 WHERE id = 1; UPDATE products SET stock = 8 WHERE id = 2");
    expect(await sync.sync()).toBe(1);
    expect(await items()).toMatchObject([{ price: "12.5" }, { stock: "8" }]);
    expect(lines).toMatchObject([{ item: "1", reason: "field_type", path: "price" }]);
    await engine.exec("UPDATE products SET price = 1 WHERE id = 1");
    expect(await sync.sync()).toBe(1);
    expect(await items()).toMatchObject([{ item_id: "1", price: "1" }, { item_id: "2" }]);
  });

  test("what could not be stored is stored by the next reading", async () => {
    await sync.sync();
    await engine.exec("UPDATE products SET title = 'Mug' WHERE id = 2");
    await clickhouse.command("RENAME TABLE items TO items_away");
    await expect(sync.sync()).rejects.toMatchObject({ code: "60" });
    await clickhouse.command("RENAME TABLE items_away TO items");
    expect(await sync.sync()).toBe(1);
    expect(await items()).toMatchObject([{}, { name: "Mug" }]);
  });
});
