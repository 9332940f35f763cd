/** The storefront in a real browser, as the command starts it: before a running pipeline, with a real PostgreSQL of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { startServer } from "../../services/http/index.ts";
import { type RunningCommand, startCommand } from "../fixtures/command.ts";
import { type ShopWithConsole, startShopWithConsole } from "../fixtures/console.ts";
import { type Postgres, postgresPrograms, startPostgres } from "../kafka/postgres.ts";
import { describeBrowser, launchChromium } from "./chromium.ts";
import { axeFaults, overflowOf, pressUntil, watchFaults } from "./page-checks.ts";

/** Kept after a run, for people; not in git. */
const SCREENSHOTS = "test/browser/screenshots";
const SOON = { timeout: 15_000, interval: 200 };
const HOSTILE = `<img src=x onerror="document.title='run'">`;
const OWN = `
INSERT INTO products (id, name, description, categories, price, currency, stock, created_at)
VALUES ('own', '${HOSTILE.replaceAll("'", "''")}', 'Ours', 'Own', '5', 'EUR', '1', '2020-01-01')`;

if (postgresPrograms() === null && process.env.CI === "true")
  throw new Error("install PostgreSQL (Debian: postgresql)");

describe.skipIf(postgresPrograms() === null)("with a real PostgreSQL", () => {
  describeBrowser("the storefront", () => {
    let browser: Browser;
    let pipeline: ShopWithConsole;
    let postgres: Postgres;
    let folder: string;
    let shop: RunningCommand;
    let address: string;
    let context: BrowserContext | undefined;

    beforeAll(async () => {
      mkdirSync(SCREENSHOTS, { recursive: true });
      folder = mkdtempSync(join(tmpdir(), "productmatcher-shop-"));
      [browser, pipeline, postgres] = await Promise.all([launchChromium(), startShopWithConsole(), startPostgres()]);
      // It waits for the server, as in a cluster whose pods start at once.
      await postgres.kill();
      shop = startShop();
      const warned = new Promise<string>((resolve) => shop.process.stderr?.once("data", resolve));
      expect(String(await warned)).toContain("filling the shop's tables in Postgres did not succeed");
      await postgres.start();
      address = await addressOf(shop);
    }, 180_000);
    afterEach(() => context?.close());
    afterAll(async () => {
      shop?.process.kill("SIGTERM");
      expect((await shop?.finished)?.code).toBe(0);
      await Promise.all([browser?.close(), pipeline?.close(), postgres?.remove()]);
      rmSync(folder, { recursive: true, force: true });
    });

    function startShop(): RunningCommand {
      const uri = join(folder, "uri");
      writeFileSync(uri, `${postgres.uri}\n`);
      const start = new Date(Date.now() - 3 * 86_400_000).toISOString();
      return startCommand([
        ...["shop", `--postgres=${uri}`, "--port=0", "--shoppers=1000", `--start=${start}`],
        ...[`--collector=${pipeline.local.address}`, `--recommender=${pipeline.local.address}/`],
      ]);
    }
    const addressOf = async (command: RunningCommand) =>
      (await command.printed(/open at (http:\S+)/))[1] ?? expect.unreachable("no address");

    async function open(path: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
      context = await browser.newContext(options);
      const page = await context.newPage();
      await page.goto(address + path);
      return page;
    }
    const recommended = (page: Page) => page.locator("[data-recommended] .item-title").allTextContents();
    const changed = (page: Page, before: readonly string[]) =>
      vi.waitUntil(async () => {
        const now = await recommended(page);
        return now.length > 0 && now.join() !== before.join() ? now : null;
      }, SOON);
    interface Stored {
      readonly event: string;
      readonly user_id: string;
      readonly item_id: string;
      readonly anonymous_id: string;
    }
    const storedOf = (visitor: string) =>
      pipeline.local.pipeline.clickhouse.query<Stored>(
        "SELECT event, user_id, item_id, anonymous_id FROM activity WHERE anonymous_id = {visitor:String} ORDER BY occurred_at",
        { visitor },
      );
    const visitorOf = async (page: Page) => String(await page.evaluate("localStorage.getItem('pm.visitor')"));

    test("fills its tables once: a second start finds them, and leaves what others wrote", async () => {
      const counts =
        "SELECT (SELECT count(*) FROM users)::int AS users, (SELECT count(*) FROM products)::int AS products";
      const [before] = await postgres.sql(counts);
      expect(before?.users).toBe(1_000);
      expect(before?.products).toBeGreaterThanOrEqual(600);
      await postgres.sql(`
        ${OWN};
        UPDATE products SET name = 'Renamed' WHERE id = '1140'`);
      const second = startShop();
      await addressOf(second);
      second.process.kill("SIGTERM");
      expect((await second.finished).code).toBe(0);
      expect((await postgres.sql(counts))[0]).toEqual({ users: 1_000, products: Number(before?.products) + 1 });
      const [mended] = await postgres.sql("SELECT name FROM products WHERE id = '1140'");
      expect(mended?.name).not.toBe("Renamed");
    });

    test("tables that went with their server are back, for the next page and for a pipeline that nobody visits", async () => {
      await postgres.sql("DROP TABLE users, products");
      expect((await fetch(`${address}/items/1140`)).status).toBe(200);
      await postgres.sql("DROP TABLE users");
      await vi.waitUntil(async () => {
        const users = await postgres.sql("SELECT count(*)::int AS users FROM users").catch(() => []);
        return users[0]?.users === 1_000;
      }, SOON);
      await postgres.sql(OWN);
    });

    test.each([
      [360, "light"],
      [360, "dark"],
      [1920, "light"],
      [1920, "dark"],
    ] as const)(
      "at %i px, %s: every page fits, passes axe, and loads nothing from elsewhere",
      async (width, colorScheme) => {
        const page = await open("/", { viewport: { width, height: 900 }, colorScheme });
        const faults = watchFaults(page, address);
        const paths = {
          home: "/",
          item: "/items/1140",
          account: "/account",
          search: "/?q=no+such+thing",
          lost: "/lost",
        };
        for (const [name, path] of Object.entries(paths)) {
          await page.goto(address + path);
          await page.screenshot({ path: `${SCREENSHOTS}/shop-${name}-${width}-${colorScheme}.png`, fullPage: true });
          const overflow = await overflowOf(page);
          if (overflow > 0) faults.push(`${name} is ${overflow} px too wide`);
          faults.push(...(await axeFaults(page)).map((fault) => `${name}: ${fault}`));
        }
        expect(faults).toEqual([]);
      },
    );

    test("a look, the cart and an order reach the pipeline, and change what is recommended", async () => {
      const page = await open("/");
      await page.waitForFunction("localStorage.getItem('pm.visitor') !== null");
      const visitor = await visitorOf(page);
      const popular = await recommended(page);
      expect(popular.length).toBeGreaterThan(3);
      await page.goto(`${address}/items/1140`);
      const first = await changed(page, popular);
      expect(await page.locator("#similar ~ ul .item-title").count()).toBeGreaterThan(3);
      await page
        .getByRole("link")
        .filter({ has: page.locator(".item-title") })
        .last()
        .click();
      await page.waitForURL((url) => url.pathname.startsWith("/items/") && !url.pathname.endsWith("/1140"));
      await changed(page, first);
      await page.goto(`${address}/items/1140`);
      await page.getByRole("button", { name: "Add to the cart" }).click();
      await page.getByText("is in the cart.").waitFor();
      await page.getByRole("button", { name: "Buy now" }).click();
      await page.getByText("was bought.").waitFor();
      await vi.waitUntil(async () => (await storedOf(visitor)).some(({ event }) => event === "purchase"), SOON);
      const done = await storedOf(visitor);
      const of1140 = done.filter(({ item_id }) => item_id === "1140").map(({ event }) => event);
      expect([...new Set(of1140)].sort()).toEqual(["add_to_cart", "purchase", "view"]);
    });

    test("recommendations that break half way, or hang, come again", async () => {
      const front = await startFront(address, ["breaks", "hangs"]);
      try {
        const page = await open("/");
        await page.goto(`${front.address}/account`);
        await page.getByText("Once more.").waitFor({ timeout: 30_000 });
      } finally {
        await front.close();
      }
    });

    test("by keyboard alone: into an item, and its cart", async () => {
      const page = await open("/?q=1140");
      const name = (await page.locator("#products ~ ul .item-title").first().textContent()) ?? "";
      await page.locator("#q").focus();
      await pressUntil(page, "Tab", new RegExp(name.replaceAll(/\W/g, ".")));
      await page.keyboard.press("Enter");
      await page.waitForURL("**/items/1140");
      await pressUntil(page, "Tab", /^Add to the cart$/);
      await page.keyboard.press("Enter");
      await page.getByText(`${name} is in the cart.`).waitFor();
    });

    test("who signs in is the user that the shop's table has, and who signs out is somebody new", async () => {
      const page = await open("/items/1140");
      await page.waitForFunction("localStorage.getItem('pm.visitor') !== null");
      const visitor = await visitorOf(page);
      await page.goto(`${address}/account`);
      const button = page.locator("[data-call*=identify]").first();
      const username = (await button.textContent()) ?? "";
      const [user] = await postgres.sql(`SELECT id FROM users WHERE username = '${username}'`);
      await button.click();
      await page.getByText(`Signed in as ${username}.`).waitFor();
      await page.goto(`${address}/items/1141`);
      await vi.waitUntil(
        async () => (await storedOf(visitor)).some(({ event, user_id }) => event === "view" && user_id === user?.id),
        SOON,
      );
      await page.goto(`${address}/account`);
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.goto(`${address}/items/1140`);
      await vi.waitUntil(async () => ![visitor, "null"].includes(await visitorOf(page)), SOON);
    });

    test("what a product is called is shown as text, never run", async () => {
      const page = await open("/items/own");
      expect(await page.locator("h1").textContent()).toBe(HOSTILE);
      await page.getByRole("button", { name: "Add to the cart" }).click();
      await page.getByText(`${HOSTILE} is in the cart.`).waitFor();
      expect(await page.locator("main img").count()).toBe(0);
      expect(await page.title()).toContain("onerror");
    });

    test("a database that is away closes the shop, a pipeline that is away does not", async () => {
      const alone = startCommand([
        ...["shop", `--postgres=${postgres.uri}`, "--port=0"],
        ...["--collector=http://127.0.0.1:1", "--recommender=http://127.0.0.1:1"],
      ]);
      try {
        const own = await addressOf(alone);
        const home = await fetch(own);
        expect([home.status, await home.text()]).toEqual([
          200,
          expect.stringContaining("The pipeline does not answer yet"),
        ]);
        expect((await fetch(`${own}/v1/batch`, { method: "POST", body: "{}" })).status).toBe(502);
        await postgres.kill();
        const closed = await fetch(own);
        expect([closed.status, await closed.text()]).toEqual([503, expect.stringContaining("closed for a moment")]);
        await postgres.start();
        await vi.waitUntil(async () => (await fetch(own)).status === 200, SOON);
      } finally {
        alone.process.kill("SIGTERM");
        await alone.finished;
      }
    });
  });
});

/** Before the shop: what is looked at again meets these faults, one after the other, and then says that it was asked once more. */
function startFront(shop: string, faults: ("breaks" | "hangs")[]) {
  const application = express().use(async ({ path, url }, response) => {
    const fault = path === "/recommended" ? faults.shift() : undefined;
    if (fault === "hangs") return;
    if (fault === "breaks") {
      response.writeHead(200, { "content-length": 1_000 }).write("<p>Half");
      setTimeout(() => response.destroy(), 50);
      return;
    }
    const answer = await fetch(shop + url);
    const text = await answer.text();
    response.status(answer.status).type(answer.headers.get("content-type") ?? "text");
    response.send(path === "/recommended" ? `${text}<p>Once more.</p>` : text);
  });
  return startServer(application, { host: "127.0.0.1", port: 0, graceMilliseconds: 100 });
}
