import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import type { SqlClient } from "../postgres/index.ts";
import { createShop } from "../simulation/index.ts";
import { type FilledTables, filledTables } from "./filling.ts";

const START = Date.UTC(2024, 0, 1);
const DAY = 86_400_000;
const PRODUCTS = "SELECT count(*)::int AS products FROM products";

let engine: PGlite;
let now: number;
/** Statements that reached the engine. */
let statements: string[];
let isAway: boolean;
let tables: FilledTables;

beforeAll(async () => {
  engine = await PGlite.create();
});
afterAll(() => engine.close());
beforeEach(async () => {
  await engine.exec("DROP TABLE IF EXISTS users, products");
  now = START;
  statements = [];
  isAway = false;
  const postgres: SqlClient = {
    query(sql, parameters) {
      statements.push(sql);
      if (isAway && sql.startsWith("INSERT")) throw new Error("connection lost");
      return engine.query(sql, parameters);
    },
  };
  const shop = createShop({ seed: 1, items: 100, shoppers: 50, start: START });
  tables = filledTables({ postgres, shop, logger: linesLogger().logger, now: () => now });
});

const inserts = () => statements.filter((sql) => sql.startsWith("INSERT")).length;
const products = async () => (await tables.query(PRODUCTS, [])).rows;

test("a look fills what was never filled, and leaves what is there and not due", async () => {
  await tables.look();
  expect(await products()).toEqual([{ products: 100 }]);
  await engine.exec("UPDATE products SET name = 'Renamed' WHERE id = '1001'");
  await tables.look();
  const [renamed] = (await engine.query("SELECT name FROM products WHERE id = '1001'")).rows;
  expect([inserts(), renamed]).toEqual([2, { name: "Renamed" }]);
});

test("a query that meets a missing table is answered, and many at once fill it once", async () => {
  await tables.look();
  await engine.exec("DROP TABLE users, products");
  const answers = await Promise.all([products(), products(), products(), tables.look()]);
  expect(answers.slice(0, 3)).toEqual(Array(3).fill([{ products: 100 }]));
  expect(inserts()).toBe(4);
  expect((await tables.query("SELECT count(*)::int AS users FROM users", [])).rows).toEqual([{ users: 50 }]);
});

test.each(["users", "products"])("a look finds that %s is missing", async (table) => {
  await tables.look();
  await engine.exec(`DROP TABLE ${table}`);
  await tables.look();
  expect((await engine.query(`SELECT FROM ${table} LIMIT 1`)).rows).toHaveLength(1);
});

test("a day later the items that have arrived are in the table, and what others wrote stays", async () => {
  await tables.look();
  await engine.exec("INSERT INTO products (id, name) VALUES ('own', 'Own')");
  now += DAY - 1;
  await tables.look();
  expect(inserts()).toBe(2);
  now += 7 * DAY;
  await tables.look();
  expect(await products()).toEqual([{ products: 102 }]);
});

test("a filling that failed half way is due still", async () => {
  await tables.look();
  await engine.exec("DROP TABLE users, products");
  isAway = true;
  await expect(tables.look()).rejects.toThrow("connection lost");
  isAway = false;
  expect(await products()).toEqual([{ products: 0 }]);
  await tables.look();
  expect(await products()).toEqual([{ products: 100 }]);
});

test("another error of Postgres stays what it is", async () => {
  await tables.look();
  await expect(tables.query("SELECT wrong FROM products", [])).rejects.toMatchObject({ code: "42703" });
  expect(inserts()).toBe(2);
});
