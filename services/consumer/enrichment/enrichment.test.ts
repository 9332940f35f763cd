import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SqlClient } from "../../postgres/index.ts";
import { cachedLookup, type Lookup, readTable, tableLookup } from "./index.ts";

let engine: PGlite;
/** Statements that reached the engine. */
const statements: string[] = [];
const postgres: SqlClient = {
  query(sql, parameters) {
    statements.push(sql);
    return engine.query(sql, parameters);
  },
};

beforeAll(async () => {
  engine = await PGlite.create();
  await engine.exec(`
    CREATE TABLE users (id integer PRIMARY KEY, username text, plan text, password text);
    INSERT INTO users VALUES (1, 'ann', 'gold', 'x'), (2, 'bob', NULL, 'y');
    CREATE TABLE members (id uuid PRIMARY KEY, name text);
    INSERT INTO members VALUES ('3f2504e0-4f89-11d3-9a0c-0305e82c3301', 'cleo');
    CREATE SCHEMA shop;
    CREATE TABLE shop."Odd ""Name""" ("the key" text PRIMARY KEY, "Größe" numeric(6, 2));
    INSERT INTO shop."Odd ""Name""" VALUES ('a', 1.5), ('b''c', 2);
    CREATE TABLE numbers (id integer, n text);
    INSERT INTO numbers SELECT i, 'n' || i FROM generate_series(1, 12000) AS i;
    INSERT INTO numbers VALUES (NULL, 'nobody');`);
});
afterAll(() => engine.close());
beforeEach(() => {
  statements.length = 0;
});

const USERS = { table: "users", key: "id", columns: { name: "username", plan: "plan" } };

describe("tableLookup", () => {
  test("gives the columns as text by our names; null is left out, and so is a key that has no row", async () => {
    const found = await tableLookup(postgres, USERS)(["1", "2", "3"]);
    expect(Object.fromEntries(found)).toEqual({ "1": { name: "ann", plan: "gold" }, "2": { name: "bob" } });
  });

  test.each(["3f2504e0-4f89-11d3-9a0c-0305e82c3301", "99999999999999999999", "ann", 'a,"b\\{}', "1; DROP TABLE users"])(
    "a key that the column's type cannot hold (%s) does not keep the others from being found",
    async (key) => {
      const found = await tableLookup(postgres, USERS)([key, "1"]);
      expect([...found.keys()]).toEqual(["1"]);
    },
  );

  test("compares uuids by their own type", async () => {
    const lookup = tableLookup(postgres, { table: "members", key: "id", columns: { name: "name" } });
    expect([...(await lookup(["3F2504E0-4F89-11D3-9A0C-0305E82C3301"])).values()]).toEqual([{ name: "cleo" }]);
    expect([...(await lookup(["1", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"])).values()]).toEqual([{ name: "cleo" }]);
  });

  test("takes any name of a table or column, and any key", async () => {
    const table = { table: 'shop.Odd "Name"', key: "the key", columns: { size: "Größe" } };
    const found = await tableLookup(postgres, table)(["a", "b'c"]);
    expect(Object.fromEntries(found)).toEqual({ a: { size: "1.50" }, "b'c": { size: "2.00" } });
  });

  test("a table or column that is not there is an error of its own", async () => {
    const lookup = tableLookup(postgres, { table: "users", key: "id", columns: { name: "nickname" } });
    await expect(lookup(["1"])).rejects.toMatchObject({ code: "42703" });
  });
});

describe("readTable", () => {
  test("gives every row once, page after page in the key's own order, without rows that have no key", async () => {
    const ids: string[] = [];
    for await (const page of readTable(postgres, { table: "numbers", key: "id", columns: { n: "n" } })) {
      ids.push(...page.keys());
    }
    expect(ids).toEqual(Array.from({ length: 12_000 }, (_, index) => String(index + 1)));
  });
});

describe("cachedLookup", () => {
  let time = 1_000;
  const cached = (lookup: Lookup, maxEntries = 100) =>
    cachedLookup(lookup, { refreshSeconds: 60, missSeconds: 5, maxEntries, now: () => time });
  const asked = () => statements.length;

  test("asks once for a key until it is to be refreshed, and then sees what changed", async () => {
    const lookup = cached(tableLookup(postgres, USERS));
    await lookup(["1"]);
    await engine.exec("UPDATE users SET plan = 'platinum' WHERE id = 1");
    time += 59_999;
    expect((await lookup(["1"])).get("1")).toEqual({ name: "ann", plan: "gold" });
    expect(asked()).toBe(1);
    time += 2;
    expect((await lookup(["1"])).get("1")).toEqual({ name: "ann", plan: "platinum" });
    expect(asked()).toBe(2);
  });

  test("remembers that a key had no row for a shorter time: the user may have just signed up", async () => {
    const lookup = cached(tableLookup(postgres, USERS));
    expect((await lookup(["7"])).size).toBe(0);
    await engine.exec("INSERT INTO users VALUES (7, 'gil', NULL, 'z')");
    time += 4_999;
    expect((await lookup(["7"])).size).toBe(0);
    expect(asked()).toBe(1);
    time += 2;
    expect((await lookup(["7"])).get("7")).toEqual({ name: "gil" });
  });

  test("asks only for the keys that it does not know", async () => {
    const keysAsked: (readonly string[])[] = [];
    const lookup = cached((keys) => {
      keysAsked.push(keys);
      return tableLookup(postgres, USERS)(keys);
    });
    await lookup(["1", "9"]);
    expect([...(await lookup(["1", "2", "9", "2"])).keys()]).toEqual(["1", "2"]);
    expect(keysAsked).toEqual([["1", "9"], ["2"]]);
  });

  test("answers for more keys than it keeps", async () => {
    const lookup = cached(tableLookup(postgres, { table: "numbers", key: "id", columns: { n: "n" } }), 10);
    const keys = Array.from({ length: 500 }, (_, index) => String(index + 1));
    expect((await lookup(keys)).size).toBe(500);
    expect((await lookup(keys)).size).toBe(500);
  });

  test("a failure is not remembered", async () => {
    let away = true;
    const lookup = cached((keys) => (away ? Promise.reject(new Error("away")) : tableLookup(postgres, USERS)(keys)));
    await expect(lookup(["1"])).rejects.toThrow("away");
    away = false;
    expect((await lookup(["1"])).size).toBe(1);
  });
});
