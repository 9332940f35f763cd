/** Prometheus and promtool as the system has them (Debian: prometheus). */
import { execFileSync } from "node:child_process";
import { describe } from "vitest";

const MISSING = installed("prometheus") && installed("promtool") ? null : "Prometheus (Debian: prometheus)";

if (MISSING !== null) {
  if (process.env.CI === "true") throw new Error(`${MISSING}: install it`);
  console.error(`not run: the suites of dashboards and rules need ${MISSING}`);
}

export const describePrometheus = describe.skipIf(MISSING !== null);

function installed(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
