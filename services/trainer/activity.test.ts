import { expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { copyActivity } from "./activity.ts";
import { runName, withWorkTables } from "./work-tables.ts";

const NOW = Date.UTC(2026, 5, 1);

test("what a visitor did counts for the user that it first signed in as, before and after", async () => {
  const clickhouse = await migratedDatabase();
  const happened = [
    ["anonymous:phone", "view", "lamp"],
    ["ann", "purchase", "lamp"],
    ["anonymous:tablet", "view", "rug"],
    ["session:1", "view", "desk"],
    ["anonymous:tablet", "refund", "rug"],
    ["phone", "view", "vase"],
    ["anonymous:phone", "identify", ""],
  ] as const;
  await clickhouse.insert(
    "events",
    happened.map(([actor_id, event, item_id], at) => ({
      event_id: `${at}`,
      event,
      actor_id,
      item_id,
      occurred_at: NOW - at,
      quantity: 1,
      ingested_at: NOW,
    })),
  );
  await clickhouse.insert("identities", [
    { anonymous_id: "phone", link: [NOW - 2, "bob"], seen_at: NOW },
    { anonymous_id: "stranger", link: [NOW - 2, "eve"], seen_at: NOW },
  ]);
  await clickhouse.insert("identities", [{ anonymous_id: "phone", link: [NOW - 3, "ann"], seen_at: NOW }]);
  const layout = { database: clickhouse.database };
  await withWorkTables(clickhouse, layout, { name: runName(NOW), now: NOW }, async (work) => {
    const { table, events } = await copyActivity(work, { view: 1, purchase: 8 }, 30);
    expect(events).toBe(5);
    expect(await clickhouse.query(`SELECT actor_id, event, item_id FROM ${table} ORDER BY occurred_at DESC`)).toEqual([
      { actor_id: "ann", event: "view", item_id: "lamp" },
      { actor_id: "ann", event: "purchase", item_id: "lamp" },
      { actor_id: "anonymous:tablet", event: "view", item_id: "rug" },
      { actor_id: "session:1", event: "view", item_id: "desk" },
      { actor_id: "anonymous:tablet", event: "refund", item_id: "rug" },
      { actor_id: "phone", event: "view", item_id: "vase" },
    ]);
  });
});
