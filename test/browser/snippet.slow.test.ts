/**
 * A shop's page in a real browser, with the snippet of a running collector of another origin, through log and consumer
 * into ClickHouse: every message is there once.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { RequestHandler } from "express";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { EmbeddedLog } from "../../services/activity-log/embedded/index.ts";
import type { ClickHouse } from "../../services/clickhouse/index.ts";
import type { Consumer } from "../../services/consumer/index.ts";
import { migratedDatabase } from "../fixtures/clickhouse.ts";
import { ENTITIES_TOPIC, EVENTS_TOPIC, startCollector, type TestCollector } from "../fixtures/collector.ts";
import { mappersOf, startTestConsumer } from "../fixtures/consumer.ts";
import { temporaryLog } from "../fixtures/recommender.ts";
import { describeBrowser, launchChromium } from "./chromium.ts";

describeBrowser("the snippet", () => {
  let browser: Browser;
  let context: BrowserContext;
  let clickhouse: ClickHouse;
  let log: EmbeddedLog;
  let consumer: Consumer;
  let collector: TestCollector;
  let shop: Shop;
  /** What the collector does with its next requests, before they reach it; then it takes them all. */
  let faults: ("cut" | 429 | 503)[];
  let received: number;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    faults = [];
    received = 0;
    shop = await startShop();
    log = await temporaryLog();
    clickhouse = await migratedDatabase();
    collector = await startCollector({
      log,
      before: fail,
      now: Date.now,
      writeKeys: () => [{ name: "web", key: "page-key" }],
      allowedOrigins: () => [shop.address],
    });
    shop.snippet = `${collector.address}/v1/snippet.js`;
    const mappers = mappersOf([
      { name: EVENTS_TOPIC, record: "Event" },
      { name: ENTITIES_TOPIC, record: "Entity" },
    ]);
    consumer = await startTestConsumer({ log, clickhouse, mappers });
    context = await browser.newContext();
  });
  afterEach(async () => {
    await context.close();
    await collector.close();
    await consumer.close();
    await log.close();
    await clickhouse.close();
    await shop.close();
  });

  /** Answers in place of the collector, or takes the request and cuts the connection in place of the answer. */
  const fail: RequestHandler = (request, response, next) => {
    if (request.method !== "POST") return next();
    received += 1;
    const fault = faults.shift();
    if (typeof fault === "number") {
      response.set("Access-Control-Allow-Origin", request.headers.origin).status(fault).end();
      return;
    }
    if (fault === "cut") {
      response.end = () => {
        request.socket.destroy();
        return response;
      };
    }
    next();
  };

  async function open(path = "/", inContext = context): Promise<Page> {
    const page = await inContext.newPage();
    await page.goto(shop.address + path);
    await page.waitForFunction(() => !Array.isArray(Reflect.get(globalThis, "productmatcher")));
    return page;
  }

  const call = (page: Page, name: string, ...parameters: unknown[]) =>
    page.evaluate(([called, given]) => Reflect.get(globalThis, "productmatcher").push([called, ...given]), [
      name,
      parameters,
    ] as const);
  const kept = (page: Page) =>
    page.evaluate(
      () => Object.keys(Reflect.get(globalThis, "localStorage")).filter((key) => key.startsWith("pm:")).length,
    );

  interface Row {
    readonly event_id: string;
    readonly event: string;
    readonly item_id: string;
    readonly user_id: string;
    readonly anonymous_id: string;
    readonly url: string;
    readonly user_agent: string;
    readonly properties: Readonly<Record<string, string>>;
  }

  /** Once as many are stored as there must be. */
  async function stored(count: number): Promise<Row[]> {
    const read = async () => {
      await consumer.caughtUp();
      return clickhouse.query<Row>(
        "SELECT event_id, event, item_id, user_id, anonymous_id, url, user_agent, properties FROM activity ORDER BY occurred_at, event_id",
      );
    };
    await vi.waitFor(async () => expect(await read()).toHaveLength(count), { timeout: 20_000, interval: 100 });
    return read();
  }

  const names = (rows: readonly Row[]) => rows.map(({ event, item_id }) => `${event} ${item_id}`.trim()).sort();

  test("sends the page, views, carts and purchases of a visitor, each once", async () => {
    const page = await open("/teapot");
    await call(page, "view", { product_id: "teapot", price: 12.5, currency: "EUR" });
    await call(page, "add", { product_id: "teapot", quantity: 2 });
    await call(page, "remove", { product_id: "cup" });
    await call(page, "purchase", { order_id: "o-1", products: [{ product_id: "teapot" }, { product_id: "pot" }] });
    await call(page, "track", "Wishlist Shared", { list: "tea" });
    const rows = await stored(7);
    expect(names(rows)).toEqual([
      "Wishlist Shared",
      "add_to_cart teapot",
      "page",
      "purchase pot",
      "purchase teapot",
      "remove_from_cart cup",
      "view teapot",
    ]);
    expect(new Set(rows.map(({ event_id }) => event_id)).size).toBe(7);
    expect(new Set(rows.map(({ anonymous_id }) => anonymous_id)).size).toBe(1);
    expect(rows.every(({ url, user_agent }) => url === `${shop.address}/teapot` && /Chrome/.test(user_agent))).toBe(
      true,
    );
    await vi.waitFor(async () => expect(await kept(page)).toBe(0));
  });

  test("takes calls that were made before it had loaded", async () => {
    const page = await open("/?early");
    expect(names(await stored(2))).toEqual(["page", "view early"]);
    await vi.waitFor(async () => expect(await kept(page)).toBe(0));
  });

  test("knows a visitor again, joins a sign-in, and forgets at reset", async () => {
    const first = await open("/one");
    await call(first, "identify", "ann", { plan: "gold" });
    await stored(2);
    await first.close();
    const second = await open("/two");
    await stored(3);
    await call(second, "reset");
    await call(second, "view", { product_id: "teapot" });
    const rows = await stored(4);
    const [page, identify, next, afterwards] = ["/one", "identify", "/two", "view"].map((what) =>
      rows.find(({ event, url }) => event === what || (event === "page" && url.endsWith(what))),
    );
    expect(identify).toMatchObject({ user_id: "ann", anonymous_id: page?.anonymous_id });
    expect(next).toMatchObject({ user_id: "ann", anonymous_id: page?.anonymous_id });
    expect(afterwards).toMatchObject({
      user_id: "",
      anonymous_id: expect.not.stringMatching(page?.anonymous_id ?? ""),
    });
    expect(await clickhouse.query("SELECT user_id, attributes FROM users FINAL")).toEqual([
      { user_id: "ann", attributes: { plan: "gold" } },
    ]);
  });

  test("keeps what happens offline, also over a new page, and sends it when the visitor is back", async () => {
    const page = await open();
    await stored(1);
    await context.setOffline(true);
    for (const item of ["a", "b", "c"]) await call(page, "view", { product_id: item });
    expect(await kept(page)).toBe(3);
    await page.close();
    expect(await stored(1)).toHaveLength(1);
    await context.setOffline(false);
    const next = await open();
    await context.setOffline(true);
    await call(next, "add", { product_id: "d" });
    await context.setOffline(false);
    expect(names(await stored(6))).toEqual(["add_to_cart d", "page", "page", "view a", "view b", "view c"]);
    await vi.waitFor(async () => expect(await kept(next)).toBe(0));
  });

  test("sends again what the collector could not take, or whose answer was cut off", async () => {
    faults = ["cut", 503, 429, "cut"];
    const page = await open();
    await call(page, "view", { product_id: "a" });
    await call(page, "view", { product_id: "b" });
    expect(names(await stored(3))).toEqual(["page", "view a", "view b"]);
    await vi.waitFor(async () => expect(await kept(page)).toBe(0), { timeout: 30_000 });
    expect(faults).toEqual([]);
    expect(received).toBeGreaterThan(4);
    expect(await stored(3)).toHaveLength(3);
  });

  test("loses nothing of a page that goes at once", async () => {
    const page = await open();
    await stored(1);
    await page.evaluate((next) => {
      const { productmatcher } = globalThis as unknown as { productmatcher: { push(call: unknown[]): void } };
      for (let item = 0; item < 50; item += 1) productmatcher.push(["view", { product_id: `last-${item}` }]);
      Reflect.get(globalThis, "location").href = next;
    }, `${shop.address}/plain`);
    await page.waitForURL("**/plain");
    // No page of the snippet is open any more: what comes now went with the page.
    expect(names(await stored(51)).filter((name) => name.startsWith("view last-"))).toHaveLength(50);
  });

  test("sends as a beacon what a page still has when it goes", async () => {
    const page = await open();
    await stored(1);
    await page.evaluate((next) => {
      const { productmatcher } = globalThis as unknown as { productmatcher: { push(call: unknown[]): void } };
      globalThis.fetch = () => Promise.reject(new Error("no fetch"));
      productmatcher.push(["purchase", { order_id: "o", products: [{ product_id: "teapot" }] }]);
      Reflect.get(globalThis, "location").href = next;
    }, `${shop.address}/plain`);
    expect(names(await stored(2))).toEqual(["page", "purchase teapot"]);
    // Nobody has confirmed it: the next page sends it again, and it counts once.
    const before = received;
    const next = await open();
    await vi.waitFor(async () => expect(await kept(next)).toBe(0));
    expect(received).toBeGreaterThan(before);
    expect(names(await stored(3))).toEqual(["page", "page", "purchase teapot"]);
  });

  test("works in several tabs at once", async () => {
    const pages = await Promise.all(["/1", "/2", "/3"].map((path) => open(path)));
    await Promise.all(
      pages.flatMap((page, tab) => [0, 1, 2, 3].map((item) => call(page, "view", { product_id: `${tab}-${item}` }))),
    );
    const rows = await stored(15);
    expect(new Set(rows.map(({ event_id }) => event_id)).size).toBe(15);
    await vi.waitFor(async () => expect(await kept(pages[0]!)).toBe(0));
    expect(await stored(15)).toHaveLength(15);
  });

  test("works without storage, and with a full one", async () => {
    const closed = await browser.newContext();
    await closed.addInitScript(() =>
      Object.defineProperty(globalThis, "localStorage", {
        get() {
          throw new Error("SecurityError");
        },
      }),
    );
    await call(await open("/closed", closed), "view", { product_id: "closed" });
    const full = await browser.newContext();
    await full.addInitScript(() => {
      const storage = Reflect.get(globalThis, "localStorage");
      for (let size = 2 ** 22; size > 0; size >>= 1) {
        for (let n = 0; ; n += 1) {
          try {
            storage.setItem(`${size}-${n}`, "x".repeat(size));
          } catch {
            break;
          }
        }
      }
    });
    await call(await open("/full", full), "view", { product_id: "full" });
    expect(names(await stored(4))).toEqual(["page", "page", "view closed", "view full"]);
    await closed.close();
    await full.close();
  });

  test("a page of an origin that is not allowed sends nothing", async () => {
    const stranger = await startShop();
    stranger.snippet = shop.snippet;
    const page = await context.newPage();
    await page.goto(stranger.address);
    await vi.waitFor(() => expect(received).toBeGreaterThan(0));
    await open();
    expect((await stored(1)).map(({ url }) => url)).toEqual([`${shop.address}/`]);
    await stranger.close();
  });
});

interface Shop {
  readonly address: string;
  snippet: string;
  close(): Promise<void>;
}

/** Pages with the snippet, as docs/collect.md says; `/plain` has none. */
async function startShop(): Promise<Shop> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    const early = request.url === "/?early" ? 'productmatcher.push(["view", { product_id: "early" }]);' : "";
    const tag = `<script>window.productmatcher = window.productmatcher || [];${early}</script>
<script async src="${shop.snippet}" data-key="page-key"></script>`;
    response.end(`<!doctype html><title>Shop</title>${request.url === "/plain" ? "" : tag}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const shop = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    snippet: "",
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return shop;
}
