import { expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { copyActivity } from "./activity.ts";
import { runName, withWorkTables } from "./work-tables.ts";

const NOW = Date.UTC(2026, 5, 1);

test("an event says what was used, from where, and at what price, as far as it is known", async () => {
  const clickhouse = await migratedDatabase();
  const phone = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36";
  const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";
  const tablet = "Mozilla/5.0 (Linux; Android 14; SM-X910) AppleWebKit/537.36 Chrome/140.0 Safari/537.36";
  const ipad = "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";
  const desktop = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const happened = [
    { user_agent: phone, price: 12.5, properties: { country: "NL" }, user_attributes: { country: '"DE"' } },
    { user_agent: iphone, user_attributes: { country: '"DE"' } },
    { user_agent: tablet },
    { user_agent: ipad },
    { user_agent: desktop },
    { user_agent: "" },
  ];
  await clickhouse.insert(
    "events",
    happened.map((row, at) => ({
      event_id: `${at}`,
      event: "view",
      actor_id: "ann",
      item_id: "lamp",
      occurred_at: NOW - at,
      quantity: 1,
      ingested_at: NOW,
      ...row,
    })),
  );
  const layout = { database: clickhouse.database };
  await withWorkTables(clickhouse, layout, { name: runName(NOW), now: NOW }, async (work) => {
    const { table } = await copyActivity(work, { view: 1 }, 30);
    const rows = await clickhouse.query(`SELECT device, country, price FROM ${table} ORDER BY occurred_at DESC`);
    expect(rows).toEqual([
      { device: "mobile", country: "NL", price: 12.5 },
      { device: "mobile", country: "DE", price: 0 },
      { device: "tablet", country: "", price: 0 },
      { device: "tablet", country: "", price: 0 },
      { device: "desktop", country: "", price: 0 },
      { device: "", country: "", price: 0 },
    ]);
  });
});

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

test("an event that was sent again counts once, as it was stored last", async () => {
  const clickhouse = await migratedDatabase();
  const stored = (event_id: string, topic: string, item_id: string, later: number) => ({
    ...{ event_id, topic, item_id, event: "view", actor_id: `actor-${item_id}`, quantity: 1 },
    occurred_at: NOW - 1_000,
    ingested_at: NOW + later,
  });
  const ids = Array.from({ length: 40 }, (_, at) => `${at}`);
  await clickhouse.insert("events", [
    ...ids.map((id) => stored(id, "clicks", `first-${id}`, 0)),
    // Another topic numbers its events on its own.
    stored("1", "checkouts", "other", 0),
  ]);
  // A mapping that has changed gives the same events another item: no merge of rows puts these together.
  await clickhouse.insert(
    "events",
    ids.filter((id) => Number(id) % 2 === 0).map((id) => stored(id, "clicks", `second-${id}`, 5)),
  );
  // One is not of a weighted event any more, and one came to be outside the window.
  await clickhouse.insert("events", [
    { ...stored("2", "clicks", "third", 9), event: "search" },
    { ...stored("4", "clicks", "third", 9), occurred_at: NOW - 40 * 86_400_000 },
  ]);
  const expected = [
    ...ids.flatMap((id) => (["2", "4"].includes(id) ? [] : [`${Number(id) % 2 === 0 ? "second" : "first"}-${id}`])),
    "other",
  ].toSorted();
  await withWorkTables(
    clickhouse,
    { database: clickhouse.database },
    { name: runName(NOW), now: NOW },
    async (work) => {
      const { table } = await copyActivity(work, { view: 1 }, 30);
      const rows = await clickhouse.query<{ item_id: string }>(`SELECT item_id FROM ${table}`);
      expect(rows.map(({ item_id }) => item_id).toSorted()).toEqual(expected);
    },
  );
});
