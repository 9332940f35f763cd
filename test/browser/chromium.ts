/** A real browser, without a window. */
import { accessSync, constants } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { describe } from "vitest";

const EXECUTABLE = process.env.PRODUCTMATCHER_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const present = isPresent();
if (!present) {
  const what = `the browser suites need Chromium (Debian: chromium) at ${EXECUTABLE}, or PRODUCTMATCHER_CHROMIUM to say where it is`;
  if (process.env.CI === "true") throw new Error(`${what}: install it`);
  console.error(`not run: ${what}`);
}

export const describeBrowser = describe.skipIf(!present);

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

function isPresent(): boolean {
  try {
    accessSync(EXECUTABLE, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
