/** The console of a running pipeline in a real browser: each page by day and by night, narrow and wide; and what people do there. */
import { mkdirSync } from "node:fs";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type ShopWithConsole, startShopWithConsole } from "../fixtures/console.ts";
import { describeBrowser, launchChromium } from "./chromium.ts";
import { axeFaults, overflowOf, pressUntil, watchFaults } from "./page-checks.ts";

/** Kept after a run, for people; not in git. */
const SCREENSHOTS = "test/browser/screenshots";
const SOON = { timeout: 15_000, interval: 200 };

const unparsable = (id: string) => ({
  click_id: id,
  user_id: "4",
  product_id: "1140",
  datetime_occured: "27.11.2026 10:00",
});

describeBrowser("the console", () => {
  let browser: Browser;
  let shop: ShopWithConsole;
  let context: BrowserContext;
  /** Who has done most. */
  let regular: string;

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    browser = await launchChromium();
    shop = await startShopWithConsole();
    const [most] = await shop.local.pipeline.clickhouse.query<{ user_id: string }>(
      "SELECT user_id FROM activity WHERE user_id != '' GROUP BY user_id ORDER BY count() DESC, user_id LIMIT 1",
    );
    regular = most?.user_id ?? "";
    await shop.append("clicks", [unparsable("seen"), '{"click_id": ']);
  }, 180_000);
  afterEach(() => context?.close());
  afterAll(async () => {
    await browser?.close();
    await shop?.close();
  });

  async function signedIn(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    await page.goto(shop.signIn);
    await page.waitForURL(at("/console"));
    return page;
  }

  const at = (path: string) => shop.local.address + path;
  const champion = async () => (await shop.local.training.models()).aliases.champion ?? "";
  /** Of the two that can answer users: which of them won the training is the simulated shop's own affair. */
  const personal = async () =>
    (await shop.local.training.models()).versions.filter(({ algorithm }) =>
      ["itemNeighbours", "content"].includes(algorithm),
    );
  /** There are two steps to go back, and the page of models shows the last: the console keeps for a while what it has read. */
  const movedThrice = async (page: Page) => {
    const before = await champion();
    const other = (await personal()).find(({ version }) => version !== before)?.version ?? "";
    for (const version of [other, before, other]) await shop.local.training.promote(version);
    const from = page.locator("form[action='/console/models/roll-back'] input[name=from]");
    const shown = async () => {
      await page.goto(at("/console/models"));
      return from.inputValue();
    };
    await vi.waitUntil(async () => (await shown()) === other, SOON);
    return { before, other };
  };
  /** What the API answers a user. */
  const answered = async (user: string): Promise<string> =>
    (await fetch(at(`/v1/recommendations/users/${user}?limit=12`))).text();
  const track = (userId: string, itemId: string) =>
    fetch(at("/v1/track"), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event: "view", userId, itemId }),
    });
  const openLetter = async () => {
    const [letter] = await shop.local.pipeline.clickhouse.query<{ id: string }>(
      "SELECT id FROM dead_letters FINAL WHERE reason = 'time_unparsable' AND NOT resolved ORDER BY failed_at DESC LIMIT 1",
    );
    return letter?.id ?? "";
  };
  const isResolved = async (id: string) => {
    const [row] = await shop.local.pipeline.clickhouse.query<{ resolved: boolean }>(
      "SELECT resolved FROM dead_letters FINAL WHERE id = {id:String}",
      { id },
    );
    return Boolean(row?.resolved);
  };

  const pages: readonly (readonly [name: string, path: () => Promise<string> | string])[] = [
    ["overview", () => "/console"],
    ["models", () => "/console/models"],
    ["models-by-recall", () => "/console/models?sort=recall%4020"],
    ["model", async () => `/console/models/${await champion()}`],
    ["dead-letters", () => "/console/dead-letters"],
    ["dead-letter", async () => `/console/dead-letters/${encodeURIComponent(await openLetter())}`],
    ["users", () => "/console/users"],
    ["user", () => `/console/users/${regular}`],
    ["user-unknown", () => "/console/users/nobody%20%3Cb%3E"],
    ["catalogue", () => "/console/catalogue"],
    ["catalogue-search", () => "/console/catalogue?q=lamp&category=Home"],
    ["catalogue-nothing", () => "/console/catalogue?q=unobtainium"],
    ["item", () => "/console/catalogue/1140"],
    ["item-unknown", () => "/console/catalogue/unheard-of"],
    ["sign-in", () => "/console/sign-in"],
    ["not-found", () => "/console/nowhere"],
  ];

  test.each([
    [360, "light"],
    [360, "dark"],
    [1920, "light"],
    [1920, "dark"],
  ] as const)(
    "at %i px, %s: every page fits, passes axe, and loads nothing from elsewhere",
    async (width, colorScheme) => {
      const page = await signedIn({ viewport: { width, height: 900 }, colorScheme });
      const faults = watchFaults(page, shop.local.address);
      const titles = new Set<string>();
      for (const [name, path] of pages) {
        await page.goto(at(await path()));
        if (name === "overview" || name === "models") await page.waitForSelector(".plot canvas", { timeout: 20_000 });
        await page.screenshot({ path: `${SCREENSHOTS}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        const background = String(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
        const overflow = await overflowOf(page);
        if (overflow > 0) faults.push(`${name} is ${overflow} px too wide`);
        expect(brightness(background) > 128, name).toBe(colorScheme === "light");
        faults.push(...(await axeFaults(page)).map((fault) => `${name}: ${fault}`));
        titles.add(await page.title());
      }
      expect(faults).toEqual([]);
      expect(titles.size).toBeGreaterThanOrEqual(pages.length - 2);
    },
  );

  test("without signing in everything is shown and nothing can be done; a wrong key does not open", async () => {
    context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(at("/console/models"));
    expect(await page.getByText("Actions need an admin key").isVisible()).toBe(true);
    expect(
      await page
        .getByRole("button", { name: /Promote|Roll back/ })
        .first()
        .isDisabled(),
    ).toBe(true);
    await page.getByRole("link", { name: "sign in", exact: true }).click();
    await page.getByLabel("Admin key").fill("not-the-key");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This is not an admin key of this pipeline.").waitFor();
    await page.getByLabel("Admin key").fill(shop.local.adminKey);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(at("/console/models"));
    expect(await context.cookies()).toMatchObject([{ httpOnly: true, sameSite: "Strict", path: "/console" }]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in" }).waitFor();
    expect(await context.cookies()).toEqual([]);
  });

  test("promote by mouse, roll back by keyboard alone: users are answered by another model, and again by the first", async () => {
    const page = await signedIn();
    const before = await champion();
    const first = (await personal()).find(({ version }) => version === before);
    const other = (await personal()).find(({ algorithm }) => algorithm !== first?.algorithm);
    if (first === undefined || other === undefined) throw new Error(`${before} answers users, without another model`);
    await page.goto(at("/console/models"));
    await page.getByRole("button", { name: `Promote ${other.version}` }).click();
    await page.getByText(`${other.version} answers users now, in place of ${before}.`).waitFor();
    expect(await champion()).toBe(other.version);
    expect(JSON.parse(await answered(regular)).model).toHaveProperty(other.algorithm);
    await page.screenshot({ path: `${SCREENSHOTS}/promoted.png`, fullPage: true });

    await page.goto(at("/console"));
    await pressUntil(page, "Tab", /^Models$/);
    await page.keyboard.press("Enter");
    await page.waitForURL(at("/console/models"));
    await pressUntil(page, "Tab", /^Roll back$/);
    await page.keyboard.press("Enter");
    await page.getByText(`Rolled back: ${before} answers users again, in place of ${other.version}.`).waitFor();
    expect(await champion()).toBe(before);
    expect(JSON.parse(await answered(regular)).model).toHaveProperty(first.algorithm);
    expect(await page.locator(".timeline li").first().textContent()).toContain("by a roll back");
  });

  test("roll back pressed twice goes back once; a page that somebody else's roll back has overtaken does nothing", async () => {
    const page = await signedIn();
    const { before, other } = await movedThrice(page);
    const overtaken = await page.context().newPage();
    await overtaken.goto(at("/console/models"));
    // It has not looked again yet.
    await overtaken.route("**/console/models", (route) =>
      route.request().headers()["x-console-live"] === undefined ? route.continue() : route.abort(),
    );
    await page.getByRole("button", { name: "Roll back" }).dblclick();
    await page.getByText(`Rolled back: ${before} answers users again, in place of ${other}.`).waitFor();
    expect(await champion()).toBe(before);
    await overtaken.getByRole("button", { name: "Roll back" }).click();
    await overtaken.getByText("somebody moved it meanwhile").waitFor();
    expect(await champion()).toBe(before);
  });

  test("the second press of a double click does not act on the page that the first one brought", async () => {
    const page = await signedIn();
    const { before, other } = await movedThrice(page);
    const button = page.getByRole("button", { name: "Roll back" });
    await button.click();
    await page.getByText(`Rolled back: ${before} answers users again, in place of ${other}.`).waitFor();
    // As if the page had come this moment, however slow the machine is.
    await button.evaluate((element) => {
      element.style.animation = "none";
      element.getBoundingClientRect();
      element.style.animation = "";
      element.style.animationPlayState = "paused";
    });
    const { x, y, width, height } = (await button.boundingBox())!;
    await page.mouse.click(x + width / 2, y + height / 2);
    await button.evaluate((element) => {
      element.style.animationPlayState = "";
    });
    await button.click();
    await page.getByText(`Rolled back: ${other} answers users again, in place of ${before}.`).waitFor();
    expect(await champion()).toBe(other);
  });

  test("a dead letter is mended in the page; what is no JSON yet is not sent", async () => {
    await shop.append("clicks", [unparsable("mended")]);
    const page = await signedIn();
    const id = await openLetter();
    await page.goto(at("/console/dead-letters"));
    await page.getByRole("link", { name: `Mend ${id}` }).click();
    const record = page.getByLabel("The record");
    const text = await record.inputValue();
    await record.fill(text.slice(0, -1));
    await page.getByRole("button", { name: "Send mended record" }).click();
    await page.getByText("It is not JSON yet").waitFor();
    expect(await record.inputValue()).toBe(text.slice(0, -1));
    await record.fill(text.replace("27.11.2026 10:00", "2026-11-27 10:00:00.000"));
    await page.getByRole("button", { name: "Send mended record" }).click();
    await page.getByText("The mended record was sent through").waitFor();
    // The page finds out by itself.
    await page.getByText("Resolved", { exact: true }).waitFor({ timeout: SOON.timeout });
    expect(await isResolved(id)).toBe(true);
  });

  test("a dead letter whose mapping was mended is replayed, and leaves the list of open ones", async () => {
    const mapping = (itemId: string) => ({
      name: "kiosk",
      record: "Event" as const,
      event: "view",
      mapping: { fields: { eventId: "id", userId: "user", itemId } },
    });
    await shop.local.pipeline.addTopics([mapping("product")]);
    await shop.append("kiosk", [{ id: "k-1", user: "kiosk-user", sku: "1140" }]);
    await shop.local.pipeline.addTopics([mapping("sku")]);
    const page = await signedIn();
    await page.goto(at("/console/dead-letters?topic=kiosk"));
    const letter = page.locator(".letter").filter({ hasText: "field_missing" });
    const id = (await letter.getByRole("link").first().textContent()) ?? "";
    await letter.getByRole("button", { name: `Replay ${id}` }).click();
    await page.getByText("1 record sent through again").waitFor();
    await vi.waitUntil(() => isResolved(id), SOON);
    await page.goto(at("/console/dead-letters?topic=kiosk"));
    await page.getByText("Nothing here").waitFor();
    const [stored] = await shop.local.pipeline.clickhouse.query<{ item_id: string }>(
      "SELECT item_id FROM activity WHERE event_id = 'k-1'",
    );
    expect(stored?.item_id).toBe("1140");
  });

  test("a user is inspected while clicking: history, weights and answer change in the open page", async () => {
    const page = await signedIn();
    await page.goto(at("/console/users/newcomer"));
    await page.getByText("Nothing is known of this user").waitFor();
    const answer = page.locator("[data-live=answer]");
    const popular = await answer.textContent();
    await track("newcomer", "1140");
    await answer.getByText("Goes with").first().waitFor({ timeout: SOON.timeout });
    expect(await answer.textContent()).not.toBe(popular);
    expect(await page.locator("[data-live=history] li").count()).toBe(1);
    await page.screenshot({ path: `${SCREENSHOTS}/while-clicking.png`, fullPage: true });
    // The simulated shop lets one click from here, too.
    const [first, before] = [answer.locator(".item").first(), await answer.locator(".item-title").allTextContents()];
    await first.getByRole("button", { name: /^View it/ }).click();
    await page.getByText("User newcomer viewed item").waitFor();
    await vi.waitUntil(async () => (await page.locator("[data-live=history] li").count()) === 2, SOON);
    expect(await answer.locator(".item-title").allTextContents()).not.toEqual(before);
  });

  test("a click that meets a refresh arrives, and a selected text stays", async () => {
    await track("busy", "1140");
    const page = await signedIn();
    await page.goto(at("/console/users/busy"));
    const [history, answer] = [page.locator("[data-live=history] li"), page.locator("[data-live=answer]")];
    await vi.waitUntil(async () => (await history.count()) === 1, SOON);
    /** Another event, and time for the page to look at it more than once. */
    const meanwhile = async (item: string) => {
      await track("busy", item);
      await page.waitForTimeout(5_000);
    };
    const viewed = answer.locator(".item-title").first();
    const [name, box] = [await viewed.textContent(), await viewed.boundingBox()];
    if (box === null) throw new Error("nothing is recommended");
    await page.mouse.move(box.x + 5, box.y + box.height / 2);
    await page.mouse.down();
    await meanwhile("1141");
    await page.mouse.up();
    await page.waitForURL(/console\/catalogue/);
    expect(await page.locator("h1").textContent()).toBe(name);

    await page.goto(at("/console/users/busy"));
    await vi.waitUntil(async () => (await history.count()) === 2, SOON);
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('[data-live=history] li'))");
    const selected = String(await page.evaluate("String(getSelection())"));
    await meanwhile("1142");
    expect(await page.evaluate("String(getSelection())")).toBe(selected);
    await page.evaluate("getSelection().removeAllRanges()");
    await vi.waitUntil(async () => (await history.count()) === 3, SOON);
  });

  test("a pipeline that does not answer is told on the page, also where it hangs", async () => {
    const page = await signedIn();
    await page.goto(at("/console/users/busy"));
    await page.route("**/console/users/busy", () => {});
    await page.getByText("No answer from the pipeline").waitFor({ timeout: 40_000 });
  });

  test("what an item's id holds is shown as text, never run", async () => {
    const id = `<img src=x onerror="document.title='run'">`;
    await track("hostile", id);
    const page = await signedIn();
    await page.goto(at("/console/users/hostile"));
    await page.locator("[data-live=history]").getByText(id).waitFor();
    expect(await page.locator("main img").count()).toBe(0);
    expect(await page.title()).toContain("hostile");
  });
});

/** 0 to 255, of `rgb(...)`. */
function brightness(colour: string): number {
  const parts = [...colour.matchAll(/\d+/g)].map(Number);
  return parts.slice(0, 3).reduce((sum, part) => sum + part / 3, 0);
}
