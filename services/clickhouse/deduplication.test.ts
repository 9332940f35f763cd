import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "./index.ts";

let clickhouse: ClickHouse;
beforeEach(async () => {
  clickhouse = await migratedDatabase();
});
afterEach(() => clickhouse.close());

const rows = (count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, index) => ({
    event_id: `e${index}`,
    event: "view",
    actor_id: "ann",
    item_id: "teapot",
    // In two partitions of the table.
    occurred_at: Date.UTC(2026, index % 2, 1),
    quantity: 1,
    ingested_at: Date.UTC(2026, 2, 1),
    ...fields,
  }));

/** Rows as they were inserted: nothing merged, nothing final. */
async function inserted(table: string): Promise<number> {
  const [row] = await clickhouse.query<{ count: number }>(`SELECT toUInt32(count()) AS count FROM ${table}`);
  return row?.count ?? 0;
}

beforeEach(() => clickhouse.command("SYSTEM STOP MERGES"));
afterEach(() => clickhouse.command("SYSTEM START MERGES"));

describe("the same rows from the same place", () => {
  test("go in once, and so does what feeds on them", async () => {
    for (let times = 0; times < 3; times += 1) await clickhouse.insert("events", rows(4), undefined, "clicks/0:0-3");
    expect(await inserted("events")).toBe(4);
    expect(await inserted("touches")).toBe(4);
  });

  test.each([
    ["from another place", rows(4), "clicks/0:4-7"],
    ["fewer of them, as when a bad one was left out", rows(3), "clicks/0:0-3"],
    ["with other attributes", rows(4, { user_attributes: { plan: "gold" } }), "clicks/0:0-3"],
    ["in another order", rows(4).reverse(), "clicks/0:0-3"],
  ])("%s: they all go in", async (_name, others, place) => {
    await clickhouse.insert("events", rows(4), undefined, "clicks/0:0-3");
    await clickhouse.insert("events", others, undefined, place);
    expect(await inserted("events")).toBe(4 + others.length);
  });

  test("go in again after the table was emptied", async () => {
    await clickhouse.insert("events", rows(4), undefined, "clicks/0:0-3");
    await clickhouse.command("TRUNCATE TABLE events");
    await clickhouse.insert("events", rows(4), undefined, "clicks/0:0-3");
    expect(await inserted("events")).toBe(4);
  });

  test("that got into the table, but not into what feeds on it, get there when they are sent again", async () => {
    await clickhouse.command("ALTER TABLE touches ADD CONSTRAINT closed CHECK event_id = ''");
    await expect(clickhouse.insert("events", rows(4), undefined, "clicks/0:0-3")).rejects.toMatchObject({
      code: "469",
    });
    await clickhouse.command("ALTER TABLE touches DROP CONSTRAINT closed");
    await clickhouse.insert("events", rows(4), undefined, "clicks/0:0-3");
    expect(await inserted("touches")).toBe(4);
  });
});
