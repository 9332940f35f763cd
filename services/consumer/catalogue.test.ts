import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import type { ItemRecord, UserRecord } from "../activity/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { storeItems, storeUsers } from "./catalogue.ts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

/** A change on the n-th day. */
function item(day: number, itemId: string, fields: Partial<ItemRecord> = {}) {
  return { change: { itemId, attributes: {}, updatedAt: START + day * DAY, ...fields } };
}

function user(day: number, userId: string, attributes: UserRecord["attributes"]) {
  return { change: { userId, attributes, updatedAt: START + day * DAY } };
}

async function storedItem(itemId: string) {
  const [row] = await clickhouse.query(
    `SELECT name, categories, price, stock, hidden, attributes, embedding,
       toUnixTimestamp64Milli(created_at) AS created_at, toUnixTimestamp64Milli(updated_at) AS updated_at
     FROM items FINAL WHERE item_id = {itemId:String}`,
    { itemId },
  );
  return row;
}

describe("storeItems", () => {
  test("what a change does not mention stays as it was", async () => {
    await storeItems(clickhouse, [
      item(0, "a", {
        name: "Teapot",
        price: 12.5,
        stock: 3,
        categories: ["tea"],
        embedding: [0.5, 1],
        attributes: { brand: '"Elm"' },
      }),
    ]);
    await storeItems(clickhouse, [item(1, "a", { stock: 0, attributes: { colour: '"red"' } })]);
    expect(await storedItem("a")).toEqual({
      name: "Teapot",
      categories: ["tea"],
      price: "12.5",
      stock: "0",
      hidden: false,
      attributes: { brand: '"Elm"', colour: '"red"' },
      embedding: [0.5, 1],
      created_at: String(START),
      updated_at: String(START + DAY),
    });
  });

  test("changes of one batch apply in the order of their times, whatever order they come in", async () => {
    await storeItems(clickhouse, [
      item(2, "b", { name: "third" }),
      item(0, "b", { name: "first", price: 1 }),
      item(1, "b", { name: "second", hidden: true }),
    ]);
    expect(await storedItem("b")).toMatchObject({ name: "third", price: "1", hidden: true, created_at: String(START) });
  });

  test("a change older than what is stored is passed over, one of the same time is not", async () => {
    await storeItems(clickhouse, [item(5, "c", { name: "new" })]);
    await storeItems(clickhouse, [item(4, "c", { name: "late" })]);
    expect(await storedItem("c")).toMatchObject({ name: "new" });
    await storeItems(clickhouse, [item(5, "c", { name: "corrected" })]);
    expect(await storedItem("c")).toMatchObject({ name: "corrected" });
  });

  test("the same batch stored twice changes nothing", async () => {
    const batch = [item(0, "d", { name: "one", stock: 5 }), item(1, "d", { stock: 4 }), item(1, "d", { name: "two" })];
    await storeItems(clickhouse, batch);
    const once = await storedItem("d");
    await storeItems(clickhouse, batch);
    expect(await storedItem("d")).toEqual(once);
  });

  test("a change that ClickHouse refuses stops no other, not even of the same item", async () => {
    const refused = await storeItems(clickhouse, [
      item(0, "e", { name: "Cup" }),
      item(1, "e", { price: 1e20 }),
      item(2, "e", { stock: 7 }),
      item(0, "f", { name: "Can" }),
    ]);
    expect(refused.map(({ row }) => row.change.price)).toEqual([1e20]);
    expect(await storedItem("e")).toMatchObject({ name: "Cup", stock: "7", price: null });
    expect(await storedItem("f")).toMatchObject({ name: "Can" });
  });
});

describe("the whole state of an item", () => {
  test("unsets what it does not mention; the item is as old as before", async () => {
    const before = { name: "Pot", price: 3, stock: 1, hidden: true, embedding: [1], attributes: { brand: '"Elm"' } };
    await storeItems(clickhouse, [item(0, "g", before)]);
    await storeItems(clickhouse, [item(1, "g", { name: "Pan", whole: true, attributes: { colour: '"red"' } })]);
    expect(await storedItem("g")).toEqual({
      name: "Pan",
      categories: [],
      price: null,
      stock: null,
      hidden: false,
      attributes: { colour: '"red"' },
      embedding: [],
      created_at: String(START),
      updated_at: String(START + DAY),
    });
  });

  test("an item that is gone is hidden, keeps its name for history, and can come back", async () => {
    await storeItems(clickhouse, [item(0, "h", { name: "Pot", price: 3 }), item(1, "h", { deleted: true })]);
    expect(await storedItem("h")).toMatchObject({ name: "Pot", price: "3", hidden: true });
    await storeItems(clickhouse, [item(0, "h", { name: "late", whole: true })]);
    expect(await storedItem("h")).toMatchObject({ name: "Pot", hidden: true });
    await storeItems(clickhouse, [item(2, "h", { name: "Pot", whole: true })]);
    expect(await storedItem("h")).toMatchObject({ name: "Pot", price: null, hidden: false });
  });

  test("one that was never known can be gone, too", async () => {
    await storeItems(clickhouse, [item(0, "i", { deleted: true })]);
    expect(await storedItem("i")).toMatchObject({ name: "", hidden: true });
  });
});

describe("storeUsers", () => {
  const stored = (userId: string) =>
    clickhouse.query("SELECT attributes FROM users FINAL WHERE user_id = {userId:String}", { userId });

  test("attributes come together from changes in any order; older ones are passed over", async () => {
    await storeUsers(clickhouse, [user(1, "ann", { plan: "gold" }), user(0, "ann", { plan: "free", name: "Ann" })]);
    expect(await stored("ann")).toEqual([{ attributes: { name: "Ann", plan: "gold" } }]);
    await storeUsers(clickhouse, [user(0, "ann", { plan: "late" })]);
    expect(await stored("ann")).toEqual([{ attributes: { name: "Ann", plan: "gold" } }]);
  });

  test("the whole state of a user unsets what it does not mention", async () => {
    await storeUsers(clickhouse, [user(1, "bob", { plan: "gold", name: "Bob" })]);
    const { change } = user(2, "bob", { plan: "free" });
    await storeUsers(clickhouse, [{ change: { ...change, whole: true } }]);
    expect(await stored("bob")).toEqual([{ attributes: { plan: "free" } }]);
  });
});
