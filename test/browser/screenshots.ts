/**
 * `npm run screenshots`: the pictures of docs/images, of the simulated shop as it is at this moment. Takes about two
 * minutes: a chart needs something to show.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { startShopWithConsole } from "../fixtures/console.ts";
import { launchChromium } from "./launch.ts";

const FOLDER = "docs/images";
const SIZE = { width: 1_280, height: 820 };
const HISTORY_DAYS = 5;
const WATCHED_SECONDS = 75;
const QUALITY = 78;

const shop = await startShopWithConsole({ historyDays: HISTORY_DAYS, suspended: false });
const browser = await launchChromium();
try {
  mkdirSync(FOLDER, { recursive: true });
  const { address, pipeline, training } = shop.local;
  const [busiest] = await pipeline.clickhouse.query<{ user_id: string }>(
    `SELECT user_id FROM activity WHERE user_id != '' AND occurred_at > now() - INTERVAL 3 DAY
     GROUP BY user_id ORDER BY uniq(event) DESC, count() DESC, user_id LIMIT 1`,
  );
  for (const _run of [1, 2]) await training.run();
  const { versions, aliases } = await training.models();
  const content = versions.find(({ algorithm, available }) => algorithm === "content" && available);
  for (const version of [content?.version, aliases.champion]) {
    if (version !== undefined) await training.promote(version);
  }
  await askFor(address, WATCHED_SECONDS);
  for (const [name, path, colorScheme] of [
    ["console-overview", "/console", "light"],
    ["console-user", `/console/users/${busiest?.user_id}`, "dark"],
    ["console-models", "/console/models", "light"],
  ] as const) {
    const context = await browser.newContext({ viewport: SIZE, colorScheme });
    const page = await context.newPage();
    await page.goto(shop.signIn);
    await page.waitForURL(`${address}/console`);
    await page.goto(address + path);
    await sleep(2_500);
    writeFileSync(`${FOLDER}/${name}.webp`, await webp(page));
    await context.close();
  }
} finally {
  await browser.close();
  await shop.close();
}

/** Shoppers whose pages ask for recommendations. */
async function askFor(address: string, seconds: number): Promise<void> {
  for (let tick = 0; tick < seconds * 5; tick += 1) {
    const user = (tick * 37) % 1_000;
    for (let request = 0; request < 1 + (tick % 7); request += 1) {
      await (await fetch(`${address}/v1/recommendations/users/${user + request}?limit=10`)).text();
    }
    await sleep(200);
  }
}

/** Smaller than PNG by far; the browser's own protocol has it. */
async function webp(page: Page): Promise<Buffer> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: QUALITY });
  return Buffer.from(data, "base64");
}
