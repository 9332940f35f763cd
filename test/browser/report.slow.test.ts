import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reportPage } from "../../services/cli/evaluation-report/index.ts";
import { reportSubject } from "../fixtures/evaluation.ts";
import { describeBrowser, launchChromium } from "./chromium.ts";

describeBrowser("the report of an evaluation", () => {
  let folder: string;
  let address: string;
  let browser: Browser;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "productmatcher-report-"));
    const file = join(folder, "report.html");
    writeFileSync(file, await reportPage(reportSubject({ title: "a".repeat(120) })));
    address = pathToFileURL(file).href;
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    [360, "light"],
    [360, "dark"],
    [1920, "light"],
    [1920, "dark"],
  ] as const)("at %i px, %s: nothing is cut off, text is readable, nothing is loaded", async (width, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    const loaded: string[] = [];
    page.on("request", (request) => loaded.push(request.url()));
    await page.goto(address);
    const seen = await page.evaluate(`(() => {
      const colour = (element, property) => getComputedStyle(element)[property];
      const charts = [...document.querySelectorAll("svg")];
      return {
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        page: colour(document.body, "backgroundColor"),
        text: colour(document.body, "color"),
        chartText: colour(charts[0].querySelector("text"), "fill"),
        smallest: Math.min(...charts.map((chart) => 12 * chart.getBoundingClientRect().width / 340)),
        outside: charts.filter((chart) => {
          const card = chart.closest("section").getBoundingClientRect();
          return [...chart.querySelectorAll("text")].some((text) => {
            const { left, right } = text.getBoundingClientRect();
            return left < card.left || right > card.right;
          });
        }).length,
      };
    })()`);
    expect(seen).toMatchObject({ overflow: 0, outside: 0 });
    const { page: background, text, chartText, smallest } = seen as Record<string, string> & { smallest: number };
    expect(smallest).toBeGreaterThan(10);
    expect(chartText).toBe(text);
    const [behind, ink] = [brightness(background!), brightness(text!)];
    expect(colorScheme === "dark" ? ink - behind : behind - ink).toBeGreaterThan(150);
    expect(loaded).toEqual([address]);
    await page.close();
  });
});

/** 0 to 255, of `rgb(...)`. */
function brightness(colour: string): number {
  const parts = [...colour.matchAll(/\d+/g)].map(Number);
  return parts.slice(0, 3).reduce((sum, part) => sum + part / 3, 0);
}
