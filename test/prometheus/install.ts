/** What the suites of dashboards and rules need of the system. */
import { execFileSync } from "node:child_process";
import { describe } from "vitest";

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const MISSING = [
  ...(["prometheus", "promtool"].every(installed) ? [] : ["Prometheus (Debian: prometheus)"]),
  ...(isRoot ? [] : ["to mount a small file system: Linux, as root"]),
];

if (MISSING.length > 0) {
  const missing = `the suites of dashboards and rules need ${MISSING.join(", and ")}`;
  if (process.env.CI === "true") throw new Error(missing);
  console.error(`not run: ${missing}`);
}

export const describePrometheus = describe.skipIf(MISSING.length > 0);

function installed(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
