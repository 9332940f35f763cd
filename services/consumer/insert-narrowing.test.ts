import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { insertNarrowing } from "./insert-narrowing.ts";
import { EVENT_COLUMNS } from "./rows.ts";

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

function rows(prefix: string, count: number, faults: Readonly<Record<number, object>>) {
  return Array.from({ length: count }, (_, index) => ({
    event_id: `${prefix}${index}`,
    event: "view",
    actor_id: "ann",
    item_id: "teapot",
    occurred_at: Date.UTC(2026, 0, 1),
    quantity: 1,
    ingested_at: Date.UTC(2026, 0, 1),
    ...faults[index],
  }));
}

const insertEvents = (part: readonly object[]) => clickhouse.insert("events", part);

async function countStored(prefix: string): Promise<number> {
  const [row] = await clickhouse.query<{ count: number }>(
    "SELECT toUInt32(count()) AS count FROM activity WHERE startsWith(event_id, {prefix:String})",
    { prefix },
  );
  return row?.count ?? 0;
}

describe("insertNarrowing", () => {
  test.each([
    ["a text for a number", { quantity: "many" }],
    ["a number below 0", { quantity: -1 }],
    ["a decimal too large", { price: 1e20 }],
    ["half of a surrogate pair", { item_id: "\ud800" }],
    ["a time that is none", { occurred_at: "yesterday" }],
    ["a list for a map", { properties: [1] }],
  ])("leaves out only the row with %s", async (name, fault) => {
    const refused = await insertNarrowing(rows(`${name}-`, 21, { 13: fault }), insertEvents);
    expect(refused.map(({ row }) => row.event_id)).toEqual([`${name}-13`]);
    expect(refused[0]?.message).not.toBe("");
    expect(await countStored(`${name}-`)).toBe(20);
  });

  test("finds every bad row, wherever they stand, and none where there is none", async () => {
    const bad = { quantity: "many" };
    const refused = await insertNarrowing(rows("many-", 50, { 0: bad, 24: bad, 25: bad, 49: bad }), insertEvents);
    expect(refused.map(({ row }) => row.event_id)).toEqual(["many-0", "many-24", "many-25", "many-49"]);
    expect(await countStored("many-")).toBe(46);
    expect(await insertNarrowing(rows("none-", 3, {}), insertEvents)).toEqual([]);
    expect(await insertNarrowing([], insertEvents)).toEqual([]);
  });

  test("a constraint that the shop has put on the table is the row's fault, too", async () => {
    await clickhouse.command("ALTER TABLE events ADD CONSTRAINT no_tests CHECK item_id != 'test'");
    const refused = await insertNarrowing(rows("constraint-", 5, { 2: { item_id: "test" } }), insertEvents);
    expect(refused.map(({ row }) => row.event_id)).toEqual(["constraint-2"]);
    expect(refused[0]?.message).toContain("no_tests");
  });

  test("a long run of bad rows at the beginning does not count as a fault of the table", async () => {
    const faults = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [index, { quantity: "many" }]));
    const refused = await insertNarrowing(rows("run-", 100, faults), insertEvents);
    expect(refused).toHaveLength(60);
    expect(await countStored("run-")).toBe(40);
  });

  test("a table that takes no row is at fault itself: no row is given up, and few inserts find it out", async () => {
    await clickhouse.command("CREATE TABLE changed AS events");
    await clickhouse.command("ALTER TABLE changed MODIFY COLUMN properties Map(String, DateTime)");
    let inserts = 0;
    const insert = (part: readonly object[]) => {
      inserts += 1;
      return clickhouse.insert("changed", part, EVENT_COLUMNS);
    };
    const all = rows(
      "changed-",
      2_000,
      Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [index, { properties: { a: "b" } }])),
    );
    await expect(insertNarrowing(all, insert)).rejects.toMatchObject({
      code: "every_row_refused",
      message: expect.stringContaining("batch of 2000"),
    });
    expect(inserts).toBeLessThan(100);
  });

  test("a table that lacks a column is no fault of the rows: the error comes through, nothing is narrowed", async () => {
    await clickhouse.command("CREATE TABLE older AS events");
    await clickhouse.command("ALTER TABLE older DROP COLUMN referrer");
    let inserts = 0;
    const insert = (part: readonly object[]) => {
      inserts += 1;
      return clickhouse.insert("older", part, EVENT_COLUMNS);
    };
    await expect(insertNarrowing(rows("older-", 8, {}), insert)).rejects.toMatchObject({ code: "16" });
    expect(inserts).toBe(1);
  });

  test("a table that is away is no fault of the rows either", async () => {
    const insert = (part: readonly object[]) => clickhouse.insert("nowhere", part);
    await expect(insertNarrowing(rows("away-", 8, {}), insert)).rejects.toMatchObject({ code: "60" });
  });
});
