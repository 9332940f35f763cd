import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import { storeEvents, storeItems } from "../../test/fixtures/recommender.ts";
import { type ClickHouse, type DeadLetterFilter, type ListedVersion, openClickHouse } from "../clickhouse/index.ts";
import { notFound, type RunningServer, startServer } from "../http/index.ts";
import { type Console, type ConsolePorts, startConsole } from "./index.ts";
import type { AdminKey, PipelineState } from "./ports.ts";

const LETTER = {
  ...{ id: "clicks/0/7", reason: "field_missing", path: "product_id", message: "no <product_id>", topic: "clicks" },
  ...{ partition: 0, offset: "7", key: "", recordedAt: "2026-11-28T02:00:00Z", failedAt: "2026-11-28T02:00:01Z" },
  ...{ resolved: false, size: 2, headers: {}, valueBase64: Buffer.from("{}").toString("base64") },
};

const version = (name: string): ListedVersion => ({
  ...{ version: name, algorithm: "hybrid", status: "published", reason: "", configuration: { parameters: {} } },
  ...{ dataFrom: 0, dataTo: 1, events: 10, actors: 2, items: 3, metrics: {}, entries: 4, checksum: "1" },
  ...{ fitSeconds: 1, createdAt: 5_000, available: true },
});

let clickhouse: ClickHouse;
let server: RunningServer;
let running: Console;
let keys: AdminKey[];
let isOpen: boolean;
let pinned: string | undefined;
let served: PipelineState["recommender"]["models"];
/** Why what was promoted is not served yet. */
let pending: string | null;
let registryReads: number;
let versions: readonly ListedVersion[];
/** What was asked of the ports, in order. */
let done: unknown[];

const ports = (): ConsolePorts => ({
  pipeline: "shop/storefront",
  access: { keys: () => keys, isOpen: () => isOpen, howToEnable: "Add a key with the scope Admin." },
  recommender: {
    answer: async (path) => ({
      status: path.length > 600 ? 400 : 200,
      body: JSON.stringify({
        detail: "The id may have at most 512 characters.",
        model: {},
        fallback: "popular",
        items: [
          { item: "teapot", score: 1, reason: { type: "popular" } },
          { item: path.slice(0, 5), score: 0, reason: { type: "latest" } },
        ],
      }),
    }),
    user: async () => ({ history: [], interests: [] }),
    similar: () => ({
      behaviour: { algorithm: "itemNeighbours", version: "v1", items: [{ item: "cup", score: 0.5 }] },
      content: null,
    }),
    counted: async () => ({ events: 0, answers: 0 }),
  },
  state: async () => ({
    recommender: {
      ...{
        waitingFor: [],
        models: served,
        refused: [],
        catalogue: { items: 0, hidden: 0 },
        actors: { count: 0, bytes: 0 },
      },
      ...{ signals: { lag: 0, freshnessMilliseconds: null, error: null }, error: null, latencyMilliseconds: null },
    },
    ...{ consumer: null, training: null, collects: null },
  }),
  models: {
    pinned: () => pinned,
    async registry() {
      registryReads += 1;
      const aliases = versions[0] === undefined ? {} : { champion: versions[0].version };
      return { aliases, versions, hasOlder: false, promotions: [], lineage: [], notForUsers: [] };
    },
    version: async (name) => (name === "ancient" ? version(name) : undefined),
    async promote(version) {
      done.push(["promote", version]);
      if (version === "gone") throw Object.assign(new Error("the rows of gone are gone"), { code: "version_refused" });
      return { version, replaces: null, pending };
    },
    async rollBack(from) {
      done.push(["rollBack", from]);
      if (from === "v1") return { version: "v0", replaces: from, pending };
      throw new Error("ClickHouse went away");
    },
  },
  deadLetters: {
    counts: async () => [{ topic: "clicks", reason: "field_missing", open: 60, resolved: 2 }],
    list: async (filter: DeadLetterFilter, page) => {
      done.push(["list", filter, page]);
      return page.offset < 60 ? [LETTER] : [];
    },
    show: async (id) => (id === LETTER.id ? LETTER : undefined),
    replay: async (filter) => {
      done.push(["replay", filter]);
      if (filter.reason !== "half") return 1;
      const message = "500 of 900 records were sent through again, then it failed: the broker went away";
      throw Object.assign(new Error(message), { code: "replay_interrupted" });
    },
    mend: async (id, value) => {
      done.push(["mend", id, Buffer.from(value).toString()]);
      return true;
    },
  },
  act: null,
});

beforeAll(async () => {
  clickhouse = await migratedDatabase();
  await storeItems(clickhouse, [
    {
      item_id: "teapot",
      name: "Tea & pot",
      categories: ["Kitchen", "Pots"],
      price: 30,
      currency: "EUR",
      tags: ["gift"],
      attributes: { image_url: '"https://cdn.shop.example/t.png"' },
    },
    { item_id: "cup", name: "Cup", categories: ["Kitchen"], price: 5, currency: "EUR" },
    {
      item_id: "lamp",
      name: "Lamp",
      categories: ["Home"],
      hidden: true,
      attributes: { image_url: '"javascript:alert(1)"' },
    },
  ]);
  const view = { event: "view", itemId: "teapot", quantity: 1, occurredAt: Date.now() };
  await storeEvents(clickhouse, [
    { ...view, actorId: "ann", eventId: "1" },
    { ...view, actorId: "bob", eventId: "2" },
    { ...view, itemId: "cup", actorId: "anonymous:v1", eventId: "3" },
    { ...view, itemId: "cup", actorId: "cleo", eventId: "4" },
    { ...view, itemId: "cup", actorId: "anonymous:v2", eventId: "5" },
  ]);
  // Sent again, and not merged away yet.
  await storeEvents(clickhouse, [{ ...view, itemId: "cup", actorId: "cleo", eventId: "4" }]);
  await clickhouse.insert("identities", [
    { anonymous_id: "v2", link: [view.occurredAt, "cleo"], seen_at: view.occurredAt },
  ]);
});
afterAll(() => clickhouse.close());

beforeEach(async () => {
  [keys, isOpen, done] = [[{ name: "ops", key: "secret" }], true, []];
  [pinned, pending, registryReads, versions, served] = [undefined, null, 0, [], {}];
  running = startConsole({ ports: ports(), clickhouse, logger: linesLogger().logger, now: Date.now });
  server = await startServer(express().use(running.router, notFound), { host: "127.0.0.1", port: 0 });
});
afterEach(async () => {
  running.close();
  await server.close();
});

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(server.address + path, { headers, redirect: "manual" });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const own = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" };
  const body = new URLSearchParams(form).toString();
  const response = await fetch(server.address + path, {
    method: "POST",
    body,
    headers: { ...own, ...headers },
    redirect: "manual",
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function signIn(): Promise<{ cookie: string }> {
  const { status, headers } = await post("/console/sign-in", { key: "secret", to: "/console/models" });
  expect([status, headers.get("location")]).toEqual([303, "/console/models"]);
  const [cookie = ""] = headers.getSetCookie().map((set) => set.split(";")[0] ?? "");
  return { cookie };
}

/** What the next page is to say. */
function noticeOf(headers: Headers): string {
  const [, value = ""] = /productmatcher_notice_\d+=([^;]*)/.exec(headers.getSetCookie().join()) ?? [];
  return JSON.parse(decodeURIComponent(value)).text;
}

describe("what a page allows", () => {
  test("no script but the console's own, no frame, no origin but that of pictures on the page", async () => {
    const { headers } = await get("/console/models");
    const policy = headers.get("content-security-policy");
    expect(policy).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
    );
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("cache-control")).toBe("no-store");
    const { headers: withPictures, text } = await get("/console/catalogue");
    expect(withPictures.get("content-security-policy")).toContain("img-src 'self' https://cdn.shop.example;");
    expect(text).toContain('src="https://cdn.shop.example/t.png"');
    expect(text).not.toContain("javascript:");
  });

  test("its own files come with it, and nothing else of the folder", async () => {
    for (const name of ["console.js", "charts.js", "console.css", "icon.svg", "uPlot.iife.min.js", "uPlot.min.css"]) {
      const { status, headers } = await get(`/console/assets/${name}`);
      expect([name, status, headers.get("etag") !== null]).toEqual([name, 200, true]);
    }
    expect((await get("/console/assets/tsconfig.json")).status).toBe(404);
    expect((await get("/console/assets/..%2Fports.ts")).status).toBe(404);
  });
});

describe("who may see and act", () => {
  test("without a key of the resource pages are shown, actions are off, and the page says how to turn them on", async () => {
    keys = [];
    const { status, text } = await get("/console/dead-letters");
    expect(status).toBe(200);
    expect(text).toContain("Actions are off: no admin key is configured. Add a key with the scope Admin.");
    expect(text).toMatch(/<button type="submit" class="" disabled[^>]*>Replay all/);
    expect(await post("/console/dead-letters/replay", { id: LETTER.id })).toMatchObject({ status: 403 });
    expect(done).not.toContainEqual(["replay", expect.anything()]);
  });

  test("where callers need keys nothing is shown before the sign-in, and nothing of users leaks", async () => {
    isOpen = false;
    const closed = await get("/console/users/ann");
    expect(closed.status).toBe(401);
    expect(closed.text).toContain("Sign in");
    expect(closed.text).not.toContain("Tea &amp; pot");
    expect((await get("/console/live.json")).status).toBe(401);
    expect((await get("/console/users/ann", await signIn())).text).toContain("Tea &amp; pot");
    keys = [];
    expect((await get("/console")).status).toBe(403);
  });

  test("a wrong key opens nothing", async () => {
    const { status, headers, text } = await post("/console/sign-in", { key: "guess" });
    expect(status).toBe(401);
    expect(headers.getSetCookie()).toEqual([]);
    expect(text).toContain("This is not an admin key of this pipeline.");
  });

  test("who guesses many keys at once waits in one line, and beyond it nothing is looked at", async () => {
    const began = performance.now();
    const keys = Array.from({ length: 60 }, (_, at) => `guess ${at}`);
    const statuses = await Promise.all(keys.map(async (key) => (await post("/console/sign-in", { key })).status));
    const wrong = statuses.filter((status) => status === 401).length;
    // On a slow machine some come when the first have left the line.
    expect(performance.now() - began).toBeGreaterThan(wrong * 290);
    expect(wrong).toBeGreaterThanOrEqual(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(60 - wrong);
    expect(wrong).toBeLessThan(60);
    await signIn();
  }, 30_000);

  test("nothing is read of what a page of another origin sends, nor of somebody who may not act", async () => {
    const body = { value: "x".repeat(3 * 1_048_576) };
    const sent = (headers: Record<string, string>) => post("/console/dead-letters/x/mend", body, headers);
    expect((await sent({ "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await sent({})).status).toBe(403);
    expect((await sent(await signIn())).status).toBe(413);
    expect((await post("/console/sign-in", { key: "x".repeat(9_000) })).status).toBe(413);
  });

  test("a page of another origin changes nothing, not even with the session", async () => {
    const session = await signIn();
    for (const site of ["cross-site", "same-site", "none"]) {
      const refused = await post("/console/models/promote", { version: "v1" }, { ...session, "sec-fetch-site": site });
      expect(refused.status).toBe(403);
    }
    expect(done).toEqual([]);
    expect((await post("/console/models/promote", { version: "v1" })).status).toBe(403);
    expect((await post("/console/models/promote", { version: "v1" }, session)).status).toBe(303);
    expect(done).toEqual([["promote", "v1"]]);
  });
});

describe("what becomes of an action", () => {
  test("it is told once, on the page that it leads to", async () => {
    const session = await signIn();
    const { headers } = await post("/console/models/promote", { version: "v1" }, session);
    const notice = headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const cookie = `${session.cookie}; ${notice}`;
    const looked = await get("/console/models", { cookie, "x-console-live": "1" });
    expect(looked.text).not.toContain("v1 answers users now.");
    expect(looked.headers.getSetCookie()).toEqual([]);
    const shown = await get("/console/models", { cookie });
    expect(shown.text).toContain("v1 answers users now.");
    expect(shown.headers.getSetCookie()[0]).toMatch(/productmatcher_notice_\d+=;/);
  });

  test("what is refused says why; what fails says so", async () => {
    const session = await signIn();
    const refused = await post("/console/models/promote", { version: "gone" }, session);
    expect(decodeURIComponent(refused.headers.getSetCookie()[0] ?? "")).toContain(
      "Nothing was changed: the rows of gone",
    );
    const from = { ...session, referer: `${server.address}/console/models?sort=recall%4020` };
    const failed = await post("/console/models/roll-back", { from: "v9" }, from);
    expect(failed.status).toBe(503);
    expect(failed.text).toContain("It failed: ClickHouse went away.");
    // Its own address has no page to try again.
    expect(failed.text).toContain('href="/console/models?sort=recall%4020">Back to the page');
    const elsewhere = { ...session, referer: "https://evil.example/consoles" };
    expect((await post("/console/models/roll-back", { from: "v9" }, elsewhere)).text).toContain(
      'href="/console">Back to the page',
    );
  });

  test("a roll back says what it goes back from, so that a second press cannot go further", async () => {
    versions = [version("v1"), version("v0")];
    expect((await get("/console/models", await signIn())).text).toContain('name="from" value="v1"');
    const { headers } = await post("/console/models/roll-back", { from: "v1" }, await signIn());
    expect(noticeOf(headers)).toBe("Rolled back: v0 answers users again, in place of v1.");
    expect(noticeOf((await post("/console/models/roll-back", {}, await signIn())).headers)).toContain("not complete");
    expect(done).toEqual([["rollBack", "v1"]]);
  });

  test("what was promoted is told as it is: served, waiting, or behind a pinned version", async () => {
    const session = await signIn();
    const promoted = async () => noticeOf((await post("/console/models/promote", { version: "v1" }, session)).headers);
    expect(await promoted()).toBe("v1 answers users now.");
    pending = "ClickHouse is away";
    expect(await promoted()).toMatch(/^v1 is the champion now\. It does not answer users yet.*ClickHouse is away/);
    pinned = "v0";
    expect(await promoted()).toMatch(/^v1 is the champion now\. Users are still answered by v0/);
    pinned = "v1";
    expect(await promoted()).toBe("v1 answers users now, and is the one that the resource pins.");
  });

  test("a replay that ended half way says how many were sent", async () => {
    const { status, headers } = await post(
      "/console/dead-letters/replay",
      { topic: "clicks", reason: "half" },
      await signIn(),
    );
    expect(status).toBe(303);
    expect(noticeOf(headers)).toContain(
      "500 of 900 records were sent through again, then it failed: the broker went away.",
    );
  });

  test("a record is replayed by its id, or all of a reason on a topic, and never all by a slip", async () => {
    const session = await signIn();
    await post("/console/dead-letters/replay", { id: LETTER.id }, session);
    await post("/console/dead-letters/replay", { topic: "clicks", reason: "field_missing" }, session);
    await post("/console/dead-letters/replay", {}, session);
    await post("/console/dead-letters/replay", { topic: "clicks" }, session);
    expect(done).toEqual([
      ["replay", { ids: [LETTER.id] }],
      ["replay", { topic: "clicks", reason: "field_missing" }],
    ]);
  });

  test("a record is mended by its id; what is no JSON is shown again and not sent", async () => {
    const session = await signIn();
    const url = `/console/dead-letters/${encodeURIComponent(LETTER.id)}/mend`;
    const rejected = await post(url, { value: '{"a": <' }, session);
    expect(rejected.status).toBe(422);
    expect(rejected.text).toContain("{&quot;a&quot;: &lt;</textarea>");
    expect((await post(url, { value: '{"a":1}' }, session)).status).toBe(303);
    expect(done).toEqual([["mend", LETTER.id, '{"a":1}']]);
  });

  test("nobody makes up activity of a shop of real people", async () => {
    expect((await post("/console/users/ann/act", { event: "view", item: "cup" }, await signIn())).status).toBe(404);
    expect((await get("/console/users/ann")).text).not.toContain("View it");
  });
});

describe("what pages show", () => {
  test("a page beyond the last says how many there are, and leads to the last", async () => {
    const { text: letters } = await get("/console/dead-letters?page=9");
    expect(letters).toContain("There is no page 9: 60 records on 3 pages.");
    const catalogue = await get("/console/catalogue?q=c&page=9");
    expect(catalogue.text).toContain("There is no page 9: 2 items on 1 page.");
    expect(catalogue.text).toContain('<a href="/console/catalogue?q=c">Show the last page</a>');
    versions = Array.from({ length: 60 }, (_, at) => version(`v${at}`));
    expect((await get("/console/models?page=9")).text).toContain("There is no page 9: 60 versions on 3 pages.");
  });

  test("of many versions a page is shown, one of any age has its own, and one read serves everybody", async () => {
    versions = Array.from({ length: 60 }, (_, at) => version(`v${at}`));
    const pages = await Promise.all(["", "?page=2", "?page=3"].map((query) => get(`/console/models${query}`)));
    const listed = pages.map(({ text }) => [...text.matchAll(/data-label="Version"><a href="[^"]*">(v\d+)</g)]);
    expect(listed.map((rows) => rows.length)).toEqual([25, 25, 10]);
    expect(listed[1]?.[0]?.[1]).toBe("v25");
    expect(registryReads).toBe(1);
    expect((await get("/console/models/ancient")).text).toContain("<h1>ancient</h1>");
    await post("/console/models/promote", { version: "v1" }, await signIn());
    await get("/console/models");
    expect(registryReads).toBe(2);
  });

  test("with a pinned version the page does not say that the champion answers users", async () => {
    [pinned, versions] = ["v0", [version("v1"), version("v0")]];
    const { text } = await get("/console/models");
    expect(text).toContain("The resource pins <b>v0</b>");
    expect(text).toContain("Champion, while another one is pinned");
    expect(text.match(/Serves users/g)).toHaveLength(1);
  });

  test("filters and pages of dead letters are in the address", async () => {
    const { text } = await get("/console/dead-letters?topic=clicks&page=2");
    expect(done).toEqual([["list", { includeResolved: false, topic: "clicks" }, { limit: 25, offset: 25 }]]);
    expect(text).toContain("Page 2 of 3");
    expect(text).toContain('href="/console/dead-letters?topic=clicks&amp;page=3"');
    expect(text).toContain("no &lt;product_id&gt;");
    expect((await get("/console/dead-letters?page=nonsense")).status).toBe(200);
  });

  test("the catalogue is searched by words in any order, in a category", async () => {
    const found = async (query: string) => {
      const { text } = await get(`/console/catalogue?${query}`);
      return [...text.matchAll(/<span class="item-title">([^<]*)</g)].map(([, name]) => name);
    };
    expect(await found("")).toHaveLength(3);
    expect(await found("q=POT+tea")).toEqual(["Tea &amp; pot"]);
    expect(await found("q=gift")).toEqual(["Tea &amp; pot"]);
    expect(await found("q=cup&category=Home")).toEqual([]);
    expect(await found("category=Kitchen")).toEqual(["Cup", "Tea &amp; pot"]);
    expect((await get("/console/catalogue?q=unobtainium")).text).toContain("Nothing found");
  });

  test("an item has its facts, what people did, neighbours, and says which model is missing", async () => {
    const { text } = await get("/console/catalogue/teapot");
    expect(text).toContain("€30.00");
    expect(text).toMatch(/viewed<\/th><td class="number">2<\/td><td class="number">2<\/td>/);
    expect(text).toContain('href="/console/catalogue/cup"');
    expect(text).toContain("Name content in training.algorithms, and train.");
    expect((await get("/console/catalogue/unheard-of")).text).toContain("Not in the catalogue");
  });

  test("users are found by id, and one whom nobody knows is answered, too", async () => {
    expect((await get("/console/users?q=an")).text).toContain('href="/console/users/ann"');
    expect((await get("/console/users?q=an")).text).not.toContain('href="/console/users/bob"');
    const tooLong = await get(`/console/users/${"x".repeat(600)}`);
    expect(tooLong).toMatchObject({ status: 400, text: expect.stringContaining("at most 512 characters") });
    const { text } = await get("/console/users/some%2Fbody");
    expect(text).toContain("Nobody of this id has done anything yet.");
    expect(text).toContain("the answer is what is popular");
  });

  test("list and page tell the same of somebody: repeats count once, a visitor has a page, a sign-in joins both", async () => {
    const at = (await get("/console/users?q=anonymous%3Av1")).text;
    expect(at).toContain('href="/console/users/anonymous:v1">Visitor v1</a>');
    expect((await get("/console/users/anonymous:v1")).text).toContain("1 event, here");
    expect((await get("/console/users")).text).not.toContain("Visitor v1");
    expect((await get("/console/users?q=cleo")).text).toMatch(/User cleo<\/a><span class="facts">2 events ·/);
    expect((await get("/console/users/cleo")).text).toContain("2 events, here");
  });

  test("what is not there is told with the way back; a pin is told where it matters", async () => {
    expect((await get("/console/models")).text).toContain("No model was trained yet");
    expect(await get("/console/models/v9")).toMatchObject({
      status: 404,
      text: expect.stringContaining("no version v9"),
    });
    expect(await get("/console/dead-letters/clicks%2F0%2F8")).toMatchObject({ status: 404 });
    expect(await get("/console/nowhere")).toMatchObject({
      status: 404,
      text: expect.stringContaining("<h1>There is nothing"),
    });
  });

  test("while ClickHouse hangs the overview is there within seconds, with what is known, and asks once", async () => {
    let asked = 0;
    const silent = createServer(() => {
      asked += 1;
    });
    await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const target = { kind: "server", url, username: "u", password: "p" } as const;
    const hanging = await openClickHouse(target, "shop", { timeoutSeconds: 8 });
    const given = ports();
    served = { champion: { algorithm: "hybrid", version: "v1", trainedAt: new Date().toISOString() } };
    const models = { ...given.models, registry: () => hanging.query<never>("SELECT 1").then(() => Promise.reject()) };
    const { router } = startConsole({
      ...{ ports: { ...given, models }, clickhouse: hanging, logger: linesLogger().logger, now: Date.now },
    });
    const away = await startServer(express().use(router), { host: "127.0.0.1", port: 0 });
    const look = async () => (await fetch(`${away.address}/console`)).text();
    const began = performance.now();
    const pages = await Promise.all([look(), look(), look()]);
    expect(performance.now() - began).toBeLessThan(6_000);
    for (const page of pages) {
      expect(page).toContain("It does not answer: no answer within 3 s yet");
      expect(page).toContain('<b class="word">hybrid</b><span>trained just now');
      expect(page).toContain("<dt>Newest model</dt><dd>not known</dd>");
      expect(page).not.toContain("no model");
    }
    // One look at the store, one at the registry.
    expect(asked).toBe(2);
    await hanging.close();
    await away.close();
    silent.closeAllConnections();
    silent.close();
  });

  test("the overview says what it cannot see", async () => {
    const { text } = await get("/console");
    expect(text).toContain("Not seen from here");
    expect(text).toContain("No model answers users yet");
  });
});
