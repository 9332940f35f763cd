import express from "express";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import {
  appendSignals,
  publishNeighbours,
  publishRanking,
  publishSessions,
  publishUserNeighbours,
  SIGNALS_TOPIC,
  startTestRecommender,
  storeEvents,
  storeItems,
  temporaryLog,
} from "../../test/fixtures/recommender.ts";
import type { Signal } from "../activity/signals.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import { type ClickHouse, pointAliases } from "../clickhouse/index.ts";
import { notFound, operations, problemHandler, type RunningServer, startServer } from "../http/index.ts";
import type { Recommender, RecommenderOptions } from "./index.ts";

interface Body {
  readonly user?: string;
  readonly item?: string;
  readonly model: Record<string, string>;
  readonly fallback?: string;
  readonly items: {
    item: string;
    name?: string;
    score: number;
    reason: { type: string; because?: string };
    model?: string;
  }[];
}

let clickhouse: ClickHouse;
let log: EmbeddedLog;
let logged: string[];
let recommender: Recommender;
let server: RunningServer;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  clickhouse = await migratedDatabase();
  log = await temporaryLog();
  logged = [];
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await log.close();
  await clickhouse.close();
});

async function start(options: Partial<RecommenderOptions> = {}, hot = true): Promise<void> {
  const registry = new Registry();
  const logger = pino({}, { write: (line: string) => void logged.push(line) });
  recommender = await startTestRecommender({ clickhouse, log, registry, logger, ...options });
  closing.push(() => recommender.close());
  const application = express();
  application.use(operations({ registry, readiness: recommender.readiness, status: recommender.status }));
  application.use(recommender.router, notFound, problemHandler(logger));
  server = await startServer(application, {
    host: "127.0.0.1",
    port: 0,
    ...(hot ? { hotPath: recommender.hotPath } : {}),
  });
  closing.push(() => server.close());
  await recommender.refresh();
  await vi.waitUntil(() => recommender.readiness().ready);
}

async function get(path: string): Promise<Body> {
  const response = await fetch(`${server.address}/v1/recommendations/${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Body;
}

async function itemsOf(path: string): Promise<string[]> {
  return (await get(path)).items.map(({ item }) => item);
}

async function session(items: string[], query = ""): Promise<Body> {
  const response = await fetch(`${server.address}/v1/recommendations/session${query}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ items }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Body;
}

let ids = 0;
function signal(actorId: string, itemId: string, event = "view", occurredAt = Date.now(), quantity = 1): Signal {
  ids += 1;
  return { actorId, event, itemId, occurredAt, quantity, eventId: `event-${ids}` };
}

async function publishShop() {
  await publishNeighbours(
    clickhouse,
    { version: "n1" },
    { lamp: { bulb: 1, shade: 0.5 }, desk: { chair: 1, lamp: 0.9 } },
  );
  await publishRanking(clickhouse, "popular", { version: "p1" }, ["chair", "bulb", "desk", "lamp", "shade"]);
  await publishRanking(clickhouse, "trending", { version: "t1" }, ["rug", "bulb"]);
}

describe("similar users", () => {
  test("are those of the last model that knows them; without one the answer says what to do", async () => {
    await start();
    const path = "/v1/recommendations/users/ann/neighbours";
    const missing = await fetch(`${server.address}${path}`);
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ detail: expect.stringContaining("training.algorithms") });
    await publishUserNeighbours(clickhouse, { version: "u1" }, { ann: { bob: 0.5, cid: 0.25 } });
    await recommender.refresh();
    const found = await fetch(`${server.address}${path}?limit=1`);
    expect(await found.json()).toEqual({ user: "ann", model: "u1", neighbours: [{ user: "bob", similarity: 0.5 }] });
    const stranger = await fetch(`${server.address}/v1/recommendations/users/dan/neighbours`);
    expect(await stranger.json()).toEqual({ user: "dan", model: "u1", neighbours: [] });
  });
});

describe("a visit", () => {
  test("goes on as past visits like it did, then with similar items, and a broken version leaves the old one", async () => {
    await publishShop();
    await publishSessions(clickhouse, { version: "s1" }, [
      ["desk", "lamp", "rug"],
      ["lamp", "sofa"],
      ["chair", "desk"],
    ]);
    await start();
    const body = await session(["desk", "lamp"], "?limit=5");
    expect(body.model).toMatchObject({ sessionNeighbours: "s1", itemNeighbours: "n1" });
    expect(body.fallback).toBeUndefined();
    expect(body.items.map(({ item, reason }) => [item, reason.type, reason.because])).toEqual([
      ["rug", "session", "lamp"],
      ["sofa", "session", "lamp"],
      ["chair", "session", "desk"],
      ["bulb", "similar", "lamp"],
      ["shade", "similar", "lamp"],
    ]);
    expect((await session(["lamp"], "?limit=1&exclude=rug,desk")).items[0]!.item).toBe("sofa");
    await storeItems(clickhouse, [{ item_id: "sofa", hidden: true }]);
    await publishSessions(clickhouse, { version: "s2" }, [["lamp", "shade"]]);
    await clickhouse.insert("model_sessions", [{ version: "s2", session: 1, ended_at: 0, items: ["lamp", "stray"] }]);
    await recommender.refresh();
    expect((await session(["lamp"], "?limit=2")).items.map(({ item }) => item)).toEqual(["desk", "rug"]);
    expect(recommender.status().refused).toMatchObject([{ slot: "sessionNeighbours", version: "s2" }]);
  });
});

describe("the endpoints", () => {
  test.each([
    ["answered before Express", true],
    ["answered through Express", false],
  ])("give item, score, reason and model version (%s)", async (_name, hot) => {
    await publishShop();
    await storeItems(clickhouse, [{ item_id: "bulb", name: 'Bulb "60 W"', price: "4.50", categories: ["Light"] }]);
    await storeEvents(clickhouse, [signal("ann", "lamp")]);
    await start({}, hot);
    expect(await get("users/ann?limit=3")).toEqual({
      user: "ann",
      model: { itemNeighbours: "n1", trending: "t1" },
      items: [
        {
          item: "bulb",
          name: 'Bulb "60 W"',
          price: 4.5,
          score: 1,
          reason: { type: "similar", because: "lamp" },
          model: "n1",
        },
        { item: "shade", score: 0.5, reason: { type: "similar", because: "lamp" }, model: "n1" },
        { item: "rug", score: 2, reason: { type: "trending" }, model: "t1" },
      ],
    });
    expect(await get("items/desk/similar?limit=2")).toEqual({
      item: "desk",
      model: { itemNeighbours: "n1" },
      items: [
        { item: "chair", score: 1, reason: { type: "similar", because: "desk" }, model: "n1" },
        { item: "lamp", score: 0.9, reason: { type: "similar", because: "desk" }, model: "n1" },
      ],
    });
    expect(
      (await session(["desk", "lamp"], "?limit=2")).items.map(({ item, reason }) => [item, reason.because]),
    ).toEqual([
      ["bulb", "lamp"],
      ["chair", "desk"],
    ]);
    expect(await itemsOf("popular?limit=2")).toEqual(["chair", "bulb"]);
    expect(await itemsOf("trending?limit=3")).toEqual(["rug", "bulb", "chair"]);
    expect(await itemsOf("popular?category=Light")).toEqual(["bulb"]);
    expect(await itemsOf("popular?exclude=chair,bulb&exclude=desk")).toEqual(["lamp", "shade", "rug"]);
  });

  test("an unknown user gets what is popular, an unknown item what is trending, and the answer says so", async () => {
    await publishShop();
    await start();
    expect(await get("users/nobody?limit=1")).toEqual({
      user: "nobody",
      model: { popular: "p1" },
      fallback: "popular",
      items: [{ item: "chair", score: 5, reason: { type: "popular" }, model: "p1" }],
    });
    expect(await get("items/nothing/similar?limit=1")).toMatchObject({
      fallback: "trending",
      items: [{ item: "rug" }],
    });
    expect((await get("popular")).fallback).toBeUndefined();
  });

  test("before any model, the latest items of the catalogue answer", async () => {
    await storeItems(clickhouse, [
      { item_id: "old", created_at: 1_000 },
      { item_id: "new", created_at: 2_000 },
      { item_id: "secret", created_at: 3_000, hidden: true },
    ]);
    await start();
    for (const path of ["users/ann", "items/old/similar", "popular", "trending"]) {
      const { model, fallback, items } = await get(path);
      expect({ model, fallback, first: items[0]?.item }).toEqual({ model: {}, fallback: "latest", first: "new" });
    }
    expect((await get("popular")).items).toEqual([
      { item: "new", score: 0, reason: { type: "latest" } },
      { item: "old", score: 0, reason: { type: "latest" } },
    ]);
  });

  test("before any model and catalogue, the items of the latest events answer; in an empty shop nothing does", async () => {
    await start();
    expect((await get("users/ann")).items).toEqual([]);
    await storeEvents(clickhouse, [
      signal("bob", "lamp", "view", 1_700_000_000_000),
      signal("bob", "desk", "view", 1_700_000_001_000),
    ]);
    await recommender.refresh();
    expect(await itemsOf("users/ann")).toEqual(["desk", "lamp"]);
    await appendSignals(log, [signal("bob", "lamp")]);
    await vi.waitFor(async () => expect(await itemsOf("users/ann")).toEqual(["lamp", "desk"]));
  });

  test("before any model, a replica shows what was active before it started, whatever has happened since", async () => {
    await storeItems(clickhouse, [{ item_id: "secret", hidden: true }]);
    await storeEvents(clickhouse, [signal("bob", "lamp"), signal("bob", "secret")]);
    await appendSignals(log, [signal("ann", "desk")]);
    await start();
    expect((await itemsOf("users/eve")).sort()).toEqual(["desk", "lamp"]);
  });

  test("an item that the shop hides or adds is hidden or there after the next look", async () => {
    await publishShop();
    await start();
    expect(await itemsOf("popular?limit=1")).toEqual(["chair"]);
    await storeItems(clickhouse, [
      { item_id: "chair", hidden: true },
      { item_id: "bench", created_at: 1 },
    ]);
    await recommender.refresh();
    expect(await itemsOf("popular?limit=100")).toEqual(["bulb", "desk", "lamp", "shade", "rug", "bench"]);
  });

  test("a change that is stored long after the time it carries is seen at the next look, an outdated one changes nothing", async () => {
    await publishShop();
    const changedAt = Date.UTC(2026, 0, 2);
    await storeItems(clickhouse, [{ item_id: "chair" }], changedAt);
    await storeItems(clickhouse, [{ item_id: "lamp" }], changedAt + 86_400_000);
    await start();
    await storeItems(clickhouse, [{ item_id: "chair", hidden: true }], changedAt + 1);
    await storeItems(clickhouse, [{ item_id: "lamp", hidden: true }], changedAt);
    await recommender.refresh();
    expect(await itemsOf("popular?limit=100")).toEqual(["bulb", "desk", "lamp", "shade", "rug"]);
  });

  test("an answer of ten items is small", async () => {
    const items = Array.from({ length: 12 }, (_, at) => `sku-${1000 + at}`);
    await publishRanking(clickhouse, "popular", { version: "popular-20260101T000000Z" }, items);
    await storeItems(
      clickhouse,
      items.map((item_id) => ({ item_id, name: `A thing of the shop ${item_id}`, price: "19.99" })),
    );
    await start();
    const response = await fetch(`${server.address}/v1/recommendations/users/ann`);
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect((await response.text()).length).toBeLessThan(2_000);
  });
});

describe("what a user just did", () => {
  test("changes the next answer", async () => {
    await publishShop();
    await start();
    expect((await get("users/ann")).fallback).toBe("popular");
    await appendSignals(log, [signal("ann", "lamp")]);
    await vi.waitFor(async () => expect(await itemsOf("users/ann?limit=2")).toEqual(["bulb", "shade"]));
    await appendSignals(log, [signal("ann", "desk", "purchase")]);
    await vi.waitFor(async () => expect(await itemsOf("users/ann?limit=1")).toEqual(["chair"]));
    expect(recommender.status().signals).toMatchObject({
      caughtUp: true,
      error: null,
      freshnessMilliseconds: expect.any(Number),
    });
  });

  test("joins what ClickHouse knows; what both know counts once, and a refund takes its purchase back", async () => {
    await publishShop();
    const purchase = signal("ann", "desk", "purchase");
    await storeEvents(clickhouse, [purchase, signal("ann", "lamp")]);
    await start();
    await appendSignals(log, [purchase, signal("ann", "lamp", "refund"), signal("zed", "lamp")]);
    await vi.waitFor(async () => expect((await get("users/zed")).fallback).toBeUndefined());
    expect(await get("users/ann?limit=1")).toMatchObject({ items: [{ item: "chair", score: expect.closeTo(8, 1) }] });
    await appendSignals(log, [signal("ann", "desk", "refund")]);
    await vi.waitFor(async () => expect(await itemsOf("users/ann?limit=1")).toEqual(["bulb"]));
  });

  test("is read again from the log by a replica that starts later, as far back as a visit lasts", async () => {
    await publishShop();
    await appendSignals(log, [signal("ann", "lamp")]);
    await start();
    expect(await itemsOf("users/ann?limit=1")).toEqual(["bulb"]);
  });

  test("of two stored rows with one event id the later holds", async () => {
    await publishShop();
    const mapped = signal("ann", "desk");
    await storeEvents(clickhouse, [mapped], 1_000);
    await storeEvents(clickhouse, [{ ...mapped, itemId: "lamp" }], 2_000);
    await start();
    expect(await get("users/ann?limit=1")).toMatchObject({ items: [{ item: "bulb", score: 1 }] });
  });

  test("a record of signals that cannot be read is passed over, and counted", async () => {
    await publishShop();
    await start();
    await log.append(SIGNALS_TOPIC, [{ key: "a", value: Buffer.from("not signals") }]);
    await appendSignals(log, [signal("ann", "lamp")]);
    await vi.waitFor(async () => expect(await itemsOf("users/ann?limit=1")).toEqual(["bulb"]));
    const metrics = await (await fetch(`${server.address}/metrics`)).text();
    expect(metrics).toContain("productmatcher_recommender_rejected_signal_records_total 1");
    expect(logged.join()).toContain("cannot be read and is passed over");
  });
});

describe("models", () => {
  test("a new version takes over in one step, without a restart", async () => {
    await publishShop();
    await start({ pollMilliseconds: 20 });
    expect(recommender.status().models.popular).toMatchObject({ version: "p1" });
    await publishRanking(clickhouse, "popular", { version: "p2", at: Date.now() + 1_000 }, ["lamp", "desk"]);
    await vi.waitFor(async () =>
      expect(await get("popular?limit=2")).toMatchObject({
        model: { popular: "p2" },
        items: [{ item: "lamp" }, { item: "desk" }],
      }),
    );
    expect(recommender.status().models.itemNeighbours).toMatchObject({ version: "n1" });
  });

  test("a roll back is served as well", async () => {
    await publishShop();
    await start();
    await publishRanking(clickhouse, "popular", { version: "p2", at: Date.now() + 1_000 }, ["lamp"]);
    await recommender.refresh();
    await pointAliases(clickhouse, new Map([["popular", "p1"]]), Date.now() + 2_000);
    await recommender.refresh();
    expect((await get("popular?limit=1")).model).toEqual({ popular: "p1" });
  });

  test.each([
    [
      "rows are missing",
      "ALTER TABLE model_rankings DELETE WHERE version = 'p2' AND rank = 2 SETTINGS mutations_sync = 1",
    ],
    [
      "a row is another",
      "ALTER TABLE model_rankings UPDATE score = 7 WHERE version = 'p2' AND rank = 1 SETTINGS mutations_sync = 1",
    ],
    ["nothing says what it is", "ALTER TABLE model_versions DELETE WHERE version = 'p2' SETTINGS mutations_sync = 1"],
  ])("a broken version is refused loudly and the old one stays: %s", async (_name, damage) => {
    await publishShop();
    await start();
    await publishRanking(clickhouse, "popular", { version: "p2", at: Date.now() + 1_000 }, ["lamp", "desk", "chair"]);
    await clickhouse.command(damage);
    await recommender.refresh();
    expect((await get("popular?limit=1")).model).toEqual({ popular: "p1" });
    const status = (await (await fetch(`${server.address}/status`)).json()) as object;
    expect(status).toMatchObject({
      models: { popular: { version: "p1" } },
      refused: [{ slot: "popular", version: "p2", reason: expect.stringContaining("p2") }],
    });
    expect(logged.join()).toContain("a model is refused");
    expect(await (await fetch(`${server.address}/metrics`)).text()).toContain(
      "productmatcher_recommender_models_refused 1",
    );
  });

  test("a large version is read in ranges", async () => {
    const items = Array.from({ length: 400 }, (_, at) => `item-${at}`);
    const row = Object.fromEntries(items.map((item, at) => [item, 1 / (at + 1)]));
    await publishNeighbours(clickhouse, { version: "large" }, Object.fromEntries(items.map((item) => [item, row])));
    await start();
    for (const item of ["item-0", "item-399", "item-7"]) {
      const best = item === "item-0" ? "item-1" : "item-0";
      expect(await itemsOf(`items/${item}/similar?limit=1`)).toEqual([best]);
    }
  });
});

describe("operations", () => {
  test("problems, the description of the API, and metrics by endpoint", async () => {
    await publishShop();
    await start();
    const base = `${server.address}/v1/recommendations`;
    const misspelt = await fetch(`${base}/popular?limt=1`);
    expect(misspelt.status).toBe(400);
    expect(await misspelt.json()).toMatchObject({
      type: "https://productmatcher.dev/problems/invalid-request",
      detail: expect.stringContaining("did you mean limit?"),
      errors: [{ parameter: "limt" }],
    });
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
    const wrong = await fetch(`${base}/session`);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await fetch(`${base}/session`, { method: "POST", body: "x" })).status).toBe(415);
    const huge = {
      method: "POST",
      body: JSON.stringify({ items: ["x".repeat(300_000)] }),
      headers: { "content-type": "application/json" },
    };
    expect((await fetch(`${base}/session`, huge)).status).toBe(413);
    expect((await fetch(`${base}/popular`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${server.address}/openapi.json`)).status).toBe(200);
    await get("users/nobody");
    const metrics = await (await fetch(`${server.address}/metrics`)).text();
    expect(metrics).toContain('request_duration_seconds_count{endpoint="popular",status="400"} 1');
    expect(metrics).toContain('fallbacks_total{endpoint="users",source="popular"} 1');
    expect(metrics).toContain('model_age_seconds{algorithm="popular"}');
    expect(metrics).toContain("productmatcher_recommender_actors 0");
  });

  test("while ClickHouse fails, what is in memory answers, and the failure is shown", async () => {
    await publishShop();
    await start();
    await appendSignals(log, [signal("ann", "lamp")]);
    await clickhouse.command("RENAME TABLE events TO events_away, items TO items_away");
    await expect(recommender.refresh()).rejects.toThrow(/items/);
    await vi.waitFor(async () => expect(await itemsOf("users/ann?limit=1")).toEqual(["bulb"]));
    expect((await get("users/nobody")).fallback).toBe("popular");
    expect(recommender.status().error).toContain("items");
    await clickhouse.command("RENAME TABLE events_away TO events, items_away TO items");
    await recommender.refresh();
    expect(recommender.status().error).toBeNull();
  });
});

describe("for people who look into it", () => {
  test("a user's history and weights are those of the answer, with what is in ClickHouse and what was just signalled", async () => {
    await storeEvents(clickhouse, [signal("ann", "lamp", "view", Date.now() - 60_000)]);
    await start();
    expect(await recommender.inspect.user("ann")).toMatchObject({
      history: [{ item: "lamp", event: "view", quantity: 1 }],
    });
    await appendSignals(log, [signal("ann", "desk", "purchase")]);
    await vi.waitUntil(async () => (await recommender.inspect.user("ann")).history.length === 2);
    const { history, interests } = await recommender.inspect.user("ann");
    expect(history.map(({ item }) => item)).toEqual(["desk", "lamp"]);
    expect(interests).toMatchObject([{ item: "desk", score: 8 }, { item: "lamp" }]);
    expect(await recommender.inspect.user("nobody")).toEqual({ history: [], interests: [] });
  });

  test("an item's neighbours are without itself and what is hidden; a model that is not served is none", async () => {
    await storeItems(clickhouse, [{ item_id: "bed", hidden: true }]);
    await publishNeighbours(clickhouse, { version: "v1" }, { lamp: { bed: 3, desk: 2, sofa: 1 } });
    await start();
    expect(recommender.inspect.similar("lamp", 5)).toMatchObject({
      behaviour: { algorithm: "itemNeighbours", version: "v1", items: [{ item: "desk" }, { item: "sofa" }] },
      content: null,
    });
    expect(recommender.inspect.similar("unheard-of", 5).behaviour?.items).toEqual([]);
  });

  test("events and answers are counted", async () => {
    await start();
    await appendSignals(log, [signal("ann", "lamp"), signal("bob", "lamp")]);
    await get("popular");
    await fetch(`${server.address}/v1/recommendations/popular?limit=0`);
    await vi.waitUntil(async () => (await recommender.inspect.counted()).events === 2);
    expect((await recommender.inspect.counted()).answers).toBe(2);
  });
});
