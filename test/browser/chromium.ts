/** Suites of a real browser: not run where there is none, and told. */
import { accessSync, constants } from "node:fs";
import { describe } from "vitest";
import { EXECUTABLE } from "./launch.ts";

export { launchChromium } from "./launch.ts";

const present = isPresent();
if (!present) {
  const what = `the browser suites need Chromium (Debian: chromium) at ${EXECUTABLE}, or PRODUCTMATCHER_CHROMIUM to say where it is`;
  if (process.env.CI === "true") throw new Error(`${what}: install it`);
  console.error(`not run: ${what}`);
}

export const describeBrowser = describe.skipIf(!present);

function isPresent(): boolean {
  try {
    accessSync(EXECUTABLE, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
