import { PGlite } from "@electric-sql/pglite";
import express from "express";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startCollector } from "../../test/fixtures/collector.ts";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import { startServer } from "../http/index.ts";
import { createTables } from "../simulation/index.ts";
import { shopRouter, TABLES } from "./index.ts";

const [INFO, WARN] = [30, 40];
const NOBODY = "http://127.0.0.1:1";
const ANSWER = JSON.stringify({ model: {}, items: [{ item: "a/b", score: 1, reason: { type: "popular" } }] });
const VIEW = { type: "track", event: "Product Viewed", anonymousId: "v", properties: { product_id: "7" } };

let engine: PGlite;
let lines: Record<string, unknown>[];
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  engine = await PGlite.create();
  await createTables(engine, TABLES);
  await engine.exec(`
    INSERT INTO users (id, username) VALUES ('7', 'ann');
    INSERT INTO products (id, name, price) VALUES ('a/b', 'Slash', '5'), ('..', 'Dots', '6'), ('lamp', NULL, NULL)`);
});
afterAll(() => engine.close());
beforeEach(() => {
  lines = [];
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function served(application: express.Express) {
  const { address, close } = await startServer(application, { host: "127.0.0.1", port: 0 });
  closing.push(close);
  return address;
}

async function openShop({ collector = NOBODY, recommender = NOBODY } = {}) {
  const { logger, lines: written } = linesLogger();
  lines = written;
  const address = await served(express().use(shopRouter({ postgres: engine, collector, recommender, logger })));
  return {
    address,
    async page(path: string) {
      const response = await fetch(address + path);
      return { status: response.status, text: await response.text() };
    },
  };
}

/** What stands before a recommender, and asks for keys as long as it is told to. */
async function openGateway() {
  const gateway = { address: "", status: 401, paths: [] as string[] };
  gateway.address = await served(
    express().use((request, response) => {
      gateway.paths.push(request.path);
      response.status(gateway.status).send(gateway.status === 200 ? ANSWER : "no key");
    }),
  );
  return gateway;
}

const told = () => lines.map(({ level, place, msg }) => [level, place, String(msg).slice(0, 35)]);

test("a page beyond the last says so, and an address may hold any character", async () => {
  const { page } = await openShop();
  const beyond = await page("/?page=999");
  expect(beyond.text).toContain("There is no page 999: 3 products on 1 page.");
  expect(beyond.text).not.toContain("No product is like this");
  expect((await page("/?q=Sl%00ash")).text).toContain('value="Slash"');
  for (const path of ["/?category=%00", "/account", "/recommended?user=%00"])
    expect((await page(path)).status).toBe(200);
  for (const path of ["/items/%00", "/items/~AA"]) expect((await page(path)).status).toBe(404);
  expect(lines.filter(({ msg }) => msg === "a page of the shop failed")).toEqual([]);
});

test("every id has a page, and its list leads there", async () => {
  const { address, page } = await openShop();
  const home = await page("/");
  const titles: string[] = [];
  for (const [, url = ""] of home.text.matchAll(/<a href="(\/items\/[^"]+)"/g)) {
    expect(new URL(url, address).pathname).toBe(url);
    titles.push((await page(url)).text.match(/<h1>([^<]+)/)?.[1] ?? "");
  }
  expect(titles.sort()).toEqual(["Dots", "Item lamp", "Slash"]);
});

test("what would be a step in an address is never sent to the recommender", async () => {
  const gateway = await openGateway();
  gateway.status = 200;
  const { page } = await openShop({ recommender: gateway.address });
  for (const path of ["/recommended?user=..", "/recommended?user=.", "/items/~Li4"]) {
    expect(await page(path)).toMatchObject({ status: 200, text: expect.stringContaining("Slash") });
  }
  expect([...new Set(gateway.paths)]).toEqual(["/v1/recommendations/popular"]);
});

test("a recommender that wants a key is shown as that, one that is away as that; the log says it as it changes", async () => {
  const gateway = await openGateway();
  const { page } = await openShop({ recommender: gateway.address });
  for (const user of ["ann", "bob", "cleo"]) {
    expect((await page(`/recommended?user=${user}`)).text).toContain("The recommender wants an API key");
  }
  gateway.status = 503;
  expect((await page("/recommended?user=ann")).text).toContain("does not answer yet");
  expect((await page("/recommended?user=bob")).text).toContain("does not answer yet");
  gateway.status = 200;
  expect((await page("/recommended?user=ann")).text).toContain("Slash");
  expect(told()).toEqual([
    [WARN, "users", "the recommender wants an API key, a"],
    [WARN, "users", "no recommendations: pages are shown"],
    [INFO, "users", "the pipeline answers the shop again"],
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/ann|bob|cleo|stack/);
});

test("who signs in sees what is recommended, as on other pages", async () => {
  const gateway = await openGateway();
  gateway.status = 200;
  const { page } = await openShop({ recommender: gateway.address });
  const { text } = await page("/account");
  expect(text).toContain("Slash");
  expect(text).not.toContain("does not answer yet");
});

test("a collector that wants a key is shown as that until it asks for none; each change is in the log once", async () => {
  const log = await temporaryLog();
  closing.push(() => log.close());
  let keys: { readonly name: string; readonly key: string }[] | null = [{ name: "web", key: "secret" }];
  const collector = await startCollector({ log, writeKeys: () => keys });
  closing.push(() => collector.close());
  const { address, page } = await openShop({ collector: collector.address });
  const send = async () => {
    const body = JSON.stringify({ writeKey: "", batch: [VIEW] });
    return (await fetch(`${address}/v1/batch`, { method: "POST", body })).status;
  };
  expect((await page("/")).text).not.toContain("data-refused");
  expect([await send(), await send()]).toEqual([401, 401]);
  for (const path of ["/", "/recommended?user=", "/items/lamp", "/account"]) {
    expect((await page(path)).text).toMatch(/data-refused>The collector wants an API key/);
  }
  keys = null;
  expect(await send()).toBe(200);
  expect((await page("/")).text).not.toContain("data-refused");
  expect(told().filter(([, place]) => place === "/v1/batch")).toEqual([
    [WARN, "/v1/batch", "the collector wants an API key, and"],
    [INFO, "/v1/batch", "the pipeline answers the shop again"],
  ]);
});

test("an unknown price is not shown and not told", async () => {
  const { page } = await openShop();
  const { text } = await page("/items/lamp");
  expect(text).not.toMatch(/null|0\.00|Sold out/);
  const seen = text.match(/data-seen="([^"]+)"/)?.[1]?.replaceAll("&quot;", '"') ?? "";
  expect(JSON.parse(seen)).toEqual(["view", { product_id: "lamp", name: "Item lamp" }]);
});
