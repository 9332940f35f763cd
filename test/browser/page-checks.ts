import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";

/** What a page lacks for those who see or move otherwise: what axe calls serious or critical. */
export async function axeFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
}

/** How much wider than the window it is, in CSS pixels. */
export async function overflowOf(page: Page): Promise<number> {
  return (await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")) as number;
}

/** As somebody without a mouse finds a thing: by its visible text. @throws Error when it is not reached */
export async function pressUntil(page: Page, key: string, text: RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    const focused = String(await page.evaluate("document.activeElement?.textContent ?? ''"));
    if (text.test(focused.trim())) return;
  }
  throw new Error(`${key} does not reach ${text}`);
}

/** What goes wrong from now on: what is loaded from elsewhere than `origin`, errors of scripts, and what the browser says. */
export function watchFaults(page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`loads ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on("console", (message) => {
    // The browser's own words on the page that is not there.
    if (message.type() === "error" && !/404/.test(message.text())) faults.push(`${page.url()}: ${message.text()}`);
  });
  return faults;
}
