import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyDatabase } from "../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { ACTIVITY_COLUMNS, createInteractions, type Weighting, type Window } from "./interactions.ts";
import { runName, withWorkTables } from "./work-tables.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 5, 1);
const WEIGHTING: Weighting = {
  weights: { view: 1, add_to_cart: 3, purchase: 8, impression: 0 },
  halfLifeDays: null,
  historyItems: 100,
};

type Row = readonly [actor: string, item: string, event: string, day: number, quantity?: number];

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
});
afterAll(() => clickhouse.close());

function interactions(rows: readonly Row[], weighting = WEIGHTING, window: Partial<Window> = {}) {
  const layout = { database: clickhouse.database };
  return withWorkTables(clickhouse, layout, { name: runName(NOW), now: NOW }, async (work) => {
    const activity = await work.create({ name: "activity", columns: ACTIVITY_COLUMNS, orderBy: "actor_id" });
    await clickhouse.insert(
      activity.replaceAll("`", ""),
      rows.map(([actor_id, item_id, event, day, quantity = 1]) => ({
        actor_id,
        item_id,
        event,
        occurred_at: NOW + day * DAY,
        quantity,
      })),
    );
    const whole = { watermark: NOW, before: null, ...window };
    const table = await createInteractions(work, "interactions", activity, weighting, whole);
    const found = await clickhouse.query<{ actor_id: string; item_id: string; weight: number; day: number }>(
      `SELECT actor_id, item_id, weight, (toUnixTimestamp64Milli(last_at) - ${NOW}) / ${DAY} AS day FROM ${table} ORDER BY actor_id, item_id`,
    );
    return found.map((row) => [row.actor_id, row.item_id, row.weight, row.day]);
  });
}

describe("interactions", () => {
  test("an actor's events with an item add up by their weights", async () => {
    const rows: Row[] = [
      ["ann", "lamp", "view", -3],
      ["ann", "lamp", "view", -2],
      ["ann", "lamp", "add_to_cart", -1],
      ["ann", "rug", "purchase", -4],
      ["bob", "lamp", "view", -5],
    ];
    expect(await interactions(rows)).toEqual([
      ["ann", "lamp", 5, -1],
      ["ann", "rug", 8, -4],
      ["bob", "lamp", 1, -5],
    ]);
  });

  test("events without a weight and events without an item leave nothing", async () => {
    const rows: Row[] = [
      ["ann", "lamp", "impression", -1],
      ["ann", "lamp", "waved_at", -1],
      ["ann", "", "view", -1],
    ];
    expect(await interactions(rows)).toEqual([]);
  });

  test("a refund takes back the share of pieces that came back, and no more than was bought", async () => {
    const rows: Row[] = [
      ["all back", "lamp", "purchase", -9, 2],
      ["all back", "lamp", "refund", -8, 2],
      ["half back", "lamp", "purchase", -9, 1],
      ["half back", "lamp", "purchase", -7, 3],
      ["half back", "lamp", "refund", -6, 2],
      ["too much back", "lamp", "purchase", -9],
      ["too much back", "lamp", "view", -10],
      ["too much back", "lamp", "refund", -8, 5],
      ["never bought", "lamp", "refund", -8],
    ];
    expect(await interactions(rows)).toEqual([
      ["half back", "lamp", 8, -7],
      ["too much back", "lamp", 1, -10],
    ]);
  });

  test("after a half-life an event counts half, counted from the watermark", async () => {
    const rows: Row[] = [
      ["ann", "lamp", "view", 0],
      ["ann", "rug", "view", -30],
      ["ann", "sofa", "purchase", -60],
      ["ann", "vase", "view", -3000],
    ];
    expect(await interactions(rows, { ...WEIGHTING, halfLifeDays: 30 })).toEqual([
      ["ann", "lamp", 1, 0],
      ["ann", "rug", 0.5, -30],
      ["ann", "sofa", 2, -60],
    ]);
  });

  test("what happened from the end of the window on is not seen", async () => {
    const rows: Row[] = [
      ["ann", "lamp", "purchase", -3],
      ["ann", "lamp", "refund", -1],
      ["ann", "rug", "view", -2],
    ];
    const found = await interactions(rows, WEIGHTING, { before: NOW - 2 * DAY });
    expect(found).toEqual([["ann", "lamp", 8, -3]]);
  });

  test("of a long history the items touched last stay; of two at one time, the smaller id", async () => {
    const rows: Row[] = ["e", "d", "c", "b", "a"].map((item, index) => ["crawler", item, "view", Math.min(-1, -index)]);
    const found = await interactions(rows, { ...WEIGHTING, historyItems: 3 });
    expect(found.map(([, item]) => item)).toEqual(["c", "d", "e"]);
    const one = await interactions(rows, { ...WEIGHTING, historyItems: 1 });
    expect(one.map(([, item]) => item)).toEqual(["d"]);
  });
});
