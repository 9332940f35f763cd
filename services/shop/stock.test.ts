import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTables } from "../simulation/index.ts";
import { type Stock, stockOf } from "./stock.ts";
import { TABLES } from "./tables.ts";

let engine: PGlite;
let stock: Stock;

beforeAll(async () => {
  engine = await PGlite.create();
  await createTables(engine, TABLES);
  stock = stockOf(engine);
});
afterAll(() => engine.close());
beforeEach(() => engine.exec("TRUNCATE products, users"));

const search = (more: Partial<Parameters<Stock["search"]>[0]> = {}) =>
  stock.search({ text: "", category: "", limit: 10, offset: 0, ...more });
const one = async (id: string) => (await stock.items([id])).get(id);

test("a column without a value is empty, and a price or stock without one is not known", async () => {
  await engine.exec("INSERT INTO products (id) VALUES ('bare'); INSERT INTO users (id) VALUES ('7')");
  const bare = {
    ...{ id: "bare", name: "", description: "", categories: [], tags: [], price: null, currency: "", stock: null },
    ...{ hidden: false, createdAt: null, picture: null, attributes: { brand: "" } },
  };
  expect(await one("bare")).toEqual(bare);
  expect(await search()).toEqual({ items: [bare], total: 1 });
  expect(await stock.categories()).toEqual([]);
  expect(await stock.customers(5)).toEqual([{ id: "7", username: "user 7" }]);
});

test.each(["", " ", "ask", "12,50", "NaN", "Infinity"])(
  "a price of %j is not known, and closes no list",
  async (price) => {
    await engine.query("INSERT INTO products (id, price, stock) VALUES ('odd', $1, $1), ('lamp', '5', '0')", [price]);
    expect(await one("odd")).toMatchObject({ price: null, stock: null });
    const { items } = await search();
    expect(items.map(({ id, price, stock }) => [id, price, stock])).toEqual([
      ["lamp", 5, 0],
      ["odd", null, null],
    ]);
  },
);

test("a page beyond the last knows how many there are; who says no time comes last", async () => {
  await engine.exec(`
    INSERT INTO products (id, categories, created_at)
    VALUES ('a', 'Home,Light', '2024-01-01'), ('b', 'Home', '2024-01-02'), ('c', 'Home,', NULL)`);
  expect(await search({ offset: 10 })).toEqual({ items: [], total: 3 });
  expect(await search({ offset: 10, category: "Light" })).toEqual({ items: [], total: 1 });
  expect((await search()).items.map(({ id }) => id)).toEqual(["b", "a", "c"]);
  expect(await stock.categories()).toEqual([
    { category: "Home", items: 3 },
    { category: "Light", items: 1 },
  ]);
});

test("an id that no text of Postgres can be is of no product", async () => {
  await engine.exec("INSERT INTO products (id) VALUES ('lamp')");
  expect([...(await stock.items(["a\0b", "lamp"])).keys()]).toEqual(["lamp"]);
});
