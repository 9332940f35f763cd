import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "../../test/fixtures/command.ts";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import type { DeadLetter, DeadLetterCount } from "../clickhouse/index.ts";
import { readPipelines } from "../config/index.ts";
import { type LocalProgress, type RunningLocal, runLocal } from "./index.ts";

const QUICKSTART = readFileSync("examples/quickstart.yaml", "utf8");
/** The shop's clicks name the item `sku`: the resource does not know that yet. */
const MENDED = QUICKSTART.replace("itemId: product_id", "itemId: sku");

const dataDir = mkdtempSync(join(tmpdir(), "productmatcher-local-"));
let local: RunningLocal;
let progress: LocalProgress[];

async function start(resourceText: string, simulated: boolean): Promise<void> {
  const { pipelines, faults } = readPipelines(resourceText, { source: "test" });
  expect(faults).toEqual([]);
  progress = [];
  local = await runLocal({
    pipeline: pipelines[0]!,
    resourceText,
    dataDir,
    host: "127.0.0.1",
    port: 0,
    simulation: simulated ? { eventsPerSecond: 20, historyDays: 2 } : null,
    logger: linesLogger("warn").logger,
    now: Date.now,
    onProgress: (step) => void progress.push(step),
  });
}

interface Recommendations {
  readonly model: Record<string, string>;
  readonly fallback?: string;
  readonly items: readonly {
    readonly item: string;
    readonly name?: string;
    readonly score: number;
    readonly reason: { readonly type: string; readonly because?: string };
  }[];
}

async function get<T>(path: string): Promise<{ status: number; body: T }> {
  const response = await fetch(local.address + path);
  return { status: response.status, body: (await response.json()) as T };
}

async function post<T>(path: string, body: unknown): Promise<{ status: number; body: T }> {
  const response = await fetch(local.address + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as T };
}

interface Letters {
  readonly counts: readonly DeadLetterCount[];
  readonly deadLetters: readonly DeadLetter[];
}

async function letters(query = ""): Promise<Letters> {
  const { status, body } = await get<Letters>(`/admin/dead-letters${query}`);
  expect(body).not.toHaveProperty("detail");
  expect(status).toBe(200);
  return body;
}

async function countEvents(condition = "true"): Promise<number> {
  const [row] = await local.pipeline.clickhouse.query<{ count: number }>(
    `SELECT toUInt32(count()) AS count FROM activity WHERE ${condition}`,
  );
  return row?.count ?? 0;
}

/** The command in a process of its own, against the pipeline in this one. */
const deadLetters = (...args: string[]) => runCommand("dead-letters", ...args, "--url", local.address);

afterAll(async () => {
  await local.close();
  rmSync(dataDir, { recursive: true, force: true });
});

describe("a pipeline with a simulated shop, in one process", () => {
  beforeAll(() => start(QUICKSTART, true));

  test("tells a person who waits how far the start is", () => {
    const steps = [...new Set(progress.map(({ step }) => step))];
    expect(steps.filter((step) => step !== "storing")).toEqual(["opening", "history", "training", "ready"]);
  });

  test("the history was stored whole, with names from the shop's database, and nothing was refused", async () => {
    const history = progress.findLast((entry) => entry.step === "history");
    expect(history).toMatchObject({ done: expect.any(Number) });
    expect(await countEvents()).toBeGreaterThanOrEqual(history?.step === "history" ? history.total : Infinity);
    expect(await countEvents("event = 'purchase' AND user_id != '' AND user_attributes['username'] = ''")).toBe(0);
    expect((await letters()).counts).toEqual([]);
  });

  test("recommends for a user from what the user did, with names and reasons", async () => {
    const [row] = await local.pipeline.clickhouse.query<{ user_id: string }>(
      "SELECT user_id FROM activity WHERE user_id != '' GROUP BY user_id ORDER BY count() DESC LIMIT 1",
    );
    const { status, body } = await get<Recommendations>(`/v1/recommendations/users/${row?.user_id}?limit=5`);
    expect(status).toBe(200);
    expect(body.model).toHaveProperty("itemNeighbours");
    expect(body.items).toHaveLength(5);
    expect(body.items[0]).toMatchObject({ name: expect.any(String), reason: { type: "similar" } });
  });

  test("an unknown user gets what is popular", async () => {
    const { status, body } = await get<Recommendations>("/v1/recommendations/users/nobody?limit=4");
    expect(status).toBe(200);
    expect(body.fallback).toBe("popular");
    expect(body.items).toHaveLength(4);
  });

  test("answers for an item, for a visit, and with what is popular and trending", async () => {
    const popular = await get<Recommendations>("/v1/recommendations/popular?limit=3");
    const [first] = popular.body.items;
    const answers = [
      popular,
      await get<Recommendations>("/v1/recommendations/trending?limit=3"),
      await get<Recommendations>(`/v1/recommendations/items/${first?.item}/similar?limit=3`),
      await post<Recommendations>("/v1/recommendations/session?limit=3", { items: [first?.item] }),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body.items).toHaveLength(3);
    }
    expect(answers.slice(2).flatMap(({ body }) => body.items.map(({ item }) => item))).not.toContain(first?.item);
  });

  test("a tracked click changes the next answer of a new user", async () => {
    const { body } = await get<Recommendations>("/v1/recommendations/popular?limit=1");
    const item = body.items[0]?.item ?? "";
    const path = "/v1/recommendations/users/newcomer?limit=3";
    expect((await get<Recommendations>(path)).body.fallback).toBe("popular");
    expect((await post("/v1/track", { event: "view", userId: "newcomer", itemId: item })).status).toBe(200);
    const changed = await vi.waitUntil(
      async () => {
        const answer = (await get<Recommendations>(path)).body;
        return answer.items[0]?.reason.because === item ? answer : undefined;
      },
      { timeout: 5_000 },
    );
    expect(changed).not.toHaveProperty("fallback");
  });

  test("an item that the shop sends is in the answers with its name, and gone when the shop takes it away", async () => {
    const send = (method: string, path: string, body?: object) =>
      fetch(local.address + path, {
        method,
        ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      });
    const similar = async () => {
      await local.pipeline.consumer().caughtUp();
      await local.recommender.refresh();
      const { body } = await get<Recommendations>("/v1/recommendations/items/unheard-of/similar?limit=3&category=new");
      return body.items.map(({ item, name }) => ({ item, name }));
    };
    expect(await similar()).toEqual([]);
    const item = { name: "Kettle", categories: ["new"], price: 30, brand: "Elm" };
    expect((await send("PUT", "/v1/items/kettle", item)).status).toBe(200);
    expect(await similar()).toEqual([{ item: "kettle", name: "Kettle" }]);
    expect((await send("DELETE", "/v1/items/kettle")).status).toBe(200);
    expect(await similar()).toEqual([]);
    const [row] = await local.pipeline.clickhouse.query<{ name: string; attributes: object }>(
      "SELECT name, attributes FROM items FINAL WHERE item_id = 'kettle'",
    );
    expect(row).toEqual({ name: "Kettle", attributes: { brand: '"Elm"' } });
  });

  test("takes what Segment's libraries send, and serves the snippet", async () => {
    const order = {
      type: "track",
      event: "Order Completed",
      messageId: "over-http",
      userId: "ann",
      properties: { order_id: "o-1", products: [{ product_id: "a" }, { sku: "b" }] },
    };
    expect((await post("/v1/batch", { batch: [order], sentAt: new Date().toISOString() })).status).toBe(200);
    await local.pipeline.consumer().caughtUp();
    expect(await countEvents("event = 'purchase' AND startsWith(event_id, 'over-http#')")).toBe(2);
    expect((await fetch(`${local.address}/v1/snippet.js`)).headers.get("content-type")).toContain("javascript");
  });

  test("says how it is: alive, ready, status, metrics, API description", async () => {
    expect((await get("/healthz")).body).toEqual({ status: "alive" });
    expect((await get("/readyz")).status).toBe(200);
    const { body } = await get<Record<string, object>>("/status");
    expect(body).toMatchObject({
      pipeline: "default/quickstart",
      consumer: { state: "Running", lag: expect.any(Number), deadLetters: 0 },
      recommender: { models: { itemNeighbours: {}, popular: {}, trending: {} } },
      training: { running: expect.any(Boolean), lastResult: "Promoted" },
    });
    const metrics = await (await fetch(`${local.address}/metrics`)).text();
    expect(metrics).toMatch(/productmatcher_consumer_events_stored_total\{[^}]+\} [1-9]/);
    expect(metrics).toMatch(/productmatcher_collector_events_total\{result="accepted"[^}]*\} [1-9]/);
    expect(metrics).toContain("process_cpu_seconds_total");
    expect((await get<object>("/openapi.json")).body).toHaveProperty("paths");
    expect(await get("/nowhere")).toMatchObject({ status: 404 });
  });

  test("the admin API says what is wrong with a request, and a slip of the pen replays nothing", async () => {
    expect(await get("/admin/dead-letters?limit=0&topik=clicks")).toMatchObject({
      status: 400,
      body: { errors: expect.arrayContaining([expect.objectContaining({ parameter: "limit" })]) },
    });
    expect(await post("/admin/dead-letters/replay", { topik: "clicks" })).toMatchObject({ status: 400 });
    expect(await post("/admin/dead-letters/replay", { ids: [] })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/ids" }] },
    });
    expect(
      await post("/admin/records", { topic: "clicks", records: [{ key: "a", valueBase64: "?", headers: {} }] }),
    ).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/records/0/valueBase64" }] },
    });
    expect(await get("/admin/dead-letters/clicks%2F0%2F99999")).toMatchObject({ status: 404 });
    const response = await fetch(`${local.address}/admin/dead-letters/replay`, { method: "POST", body: "{}" });
    expect(response.status).toBe(415);
  });

  test("a topic whose mapping can never work is refused, and the consumer reads on", async () => {
    const topics = [{ name: "extra", record: "Event", event: "view", mapping: { fields: { price: "p" } } }];
    expect(await post("/admin/topics", { topics })).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("extra") },
    });
    const { body } = await get<{ topics: { name: string }[] }>("/admin/topics");
    expect(body.topics.map(({ name }) => name)).toEqual(["clicks", "checkouts"]);
    await post("/v1/track", { eventId: "after-refusal", event: "view", userId: "ann", itemId: "x" });
    await vi.waitUntil(async () => (await countEvents("event_id = 'after-refusal'")) === 1, { timeout: 5_000 });
  });

  test("models are listed with the one that serves, and training can be asked for", async () => {
    const { body } = await get<{ aliases: Record<string, string>; versions: object[] }>("/admin/models");
    expect(Object.keys(body.aliases)).toEqual(expect.arrayContaining(["itemNeighbours", "popular", "trending"]));
    expect((await post("/admin/models/train", {})).status).toBe(200);
    const after = (await get<{ versions: object[] }>("/admin/models")).body;
    expect(after.versions.length).toBeGreaterThan(body.versions.length);
  });

  test("a second start goes on where the first stopped: events kept, the history not written again", async () => {
    await post("/v1/track", { eventId: "before-stop", event: "view", userId: "ann", itemId: "x" });
    await local.close();
    await start(QUICKSTART, true);
    expect(progress.map(({ step }) => step)).not.toContain("history");
    expect(progress.map(({ step }) => step)).not.toContain("training");
    expect(await countEvents("event_id = 'before-stop'")).toBe(1);
    expect((await get<Recommendations>("/v1/recommendations/popular?limit=3")).body.items).toHaveLength(3);
    await local.close();
  });
});

describe("dead letters: look, mend the mapping, send through again", () => {
  const clicks = [1, 2, 3].map((number) => ({
    click_id: `mended-${number}`,
    user_id: "ann",
    sku: `sku-${number}`,
    datetime_occured: "2026-01-05 10:00:00.000",
  }));
  /** What no mapping can mend. */
  const broken = Buffer.from('{"click_id": ');

  beforeAll(async () => {
    await start(QUICKSTART, false);
    const records = [...clicks.map((click) => Buffer.from(JSON.stringify(click))), broken].map((value) => ({
      key: "ann",
      valueBase64: value.toString("base64"),
      headers: {},
    }));
    await post("/admin/records", { topic: "clicks", records });
    await local.pipeline.consumer().caughtUp();
  });

  test("list counts them by topic and reason, and shows the open ones", async () => {
    const listing = await letters();
    expect(listing.counts).toEqual([
      { topic: "clicks", reason: "field_missing", open: 3, resolved: 0 },
      { topic: "clicks", reason: "malformed_json", open: 1, resolved: 0 },
    ]);
    expect(listing.deadLetters).toHaveLength(4);
    expect(await letters("?reason=malformed_json")).toMatchObject({ deadLetters: [{ size: broken.length }] });
    expect((await letters("?limit=1&offset=3")).deadLetters).toHaveLength(1);
    const { code, stdout } = await deadLetters("list", "--reason", "field_missing");
    expect(code).toBe(0);
    expect(stdout).toMatch(/clicks +field_missing +3 +0/);
    expect(stdout.match(/clicks\/\d\/\d+ +field_missing/g)).toHaveLength(3);
    expect(stdout).toContain("product_id");
  });

  test("show has everything of one, to the byte", async () => {
    const [letter] = (await letters("?reason=malformed_json")).deadLetters;
    const shown = await deadLetters("show", letter!.id);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining(broken.toString()) });
    expect(shown.stdout).toContain(`topic clicks, partition ${letter?.partition}, offset ${letter?.offset}`);
    const asJson = JSON.parse((await deadLetters("show", letter!.id, "--json")).stdout);
    expect(Buffer.from(asJson.valueBase64, "base64")).toEqual(broken);
  });

  test("what is wrong with a call is said in one line, with exit code", async () => {
    const [unknown, unsaid, gone] = await Promise.all([
      deadLetters("show", "clicks/7/7"),
      deadLetters("replay"),
      runCommand("dead-letters", "list", "--url", "http://127.0.0.1:9"),
    ]);
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: .*no dead letter .*clicks\/7\/7.*\n$/),
    });
    expect(unsaid).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: say which.*\n$/) });
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: no pipeline answers at .*\n$/) });
  });

  test("sent through again by the same mapping, they stay what they are", async () => {
    expect((await post("/admin/dead-letters/replay", { topic: "clicks" })).body).toEqual({ sent: 4, withoutValue: 0 });
    await local.pipeline.consumer().caughtUp();
    expect((await letters()).counts).toEqual([
      { topic: "clicks", reason: "field_missing", open: 3, resolved: 0 },
      { topic: "clicks", reason: "malformed_json", open: 1, resolved: 0 },
    ]);
  });

  test("after the mapping was mended they pass, once each; what cannot pass stays open", async () => {
    await local.close();
    await start(MENDED, false);
    expect((await letters()).counts).toMatchObject([{ open: 3 }, { open: 1 }]);
    const { code, stdout } = await deadLetters("replay", "--all", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ sent: 4, withoutValue: 0 });
    await local.pipeline.consumer().caughtUp();
    const { counts } = await letters();
    expect(counts).toEqual([
      { topic: "clicks", reason: "malformed_json", open: 1, resolved: 0 },
      { topic: "clicks", reason: "field_missing", open: 0, resolved: 3 },
    ]);
    expect(await countEvents("startsWith(event_id, 'mended-')")).toBe(3);
    expect((await letters("?resolved=true")).deadLetters).toHaveLength(4);
    const rows = await local.pipeline.clickhouse.query(
      "SELECT event_id, item_id FROM activity WHERE startsWith(event_id, 'mended-') ORDER BY event_id",
    );
    expect(rows).toEqual(clicks.map(({ click_id, sku }) => ({ event_id: click_id, item_id: sku })));
  });

  test("a second replay sends none of those that passed", async () => {
    const { stdout } = await deadLetters("replay", "--reason", "field_missing");
    expect(stdout).toBe("There was nothing open to send.\n");
    expect(await countEvents("startsWith(event_id, 'mended-')")).toBe(3);
  });

  test("a replay from the topic sends each of them, and counts none twice", async () => {
    const { stdout } = await deadLetters("replay", "--all", "--from", "topic");
    expect(stdout).toContain("4 records were sent through again");
    await local.pipeline.consumer().caughtUp();
    expect(await countEvents("startsWith(event_id, 'mended-')")).toBe(3);
    expect((await letters()).counts).toMatchObject([{ open: 1 }, { open: 0, resolved: 3 }]);
  });
});
