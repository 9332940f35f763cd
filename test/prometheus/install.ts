/** What the suites of dashboards and rules need of the system. */
import { execFileSync } from "node:child_process";
import { describe } from "vitest";

/** Suites that lack something do not run, and say so; in CI that is a failure. @param missing what to install; `null`: nothing */
export function describeUnlessMissing(...missing: readonly (string | null)[]): typeof describe.skip {
  const named = missing.filter((each) => each !== null);
  if (named.length === 0) return describe;
  const message = named.join("; ");
  if (process.env.CI === "true") throw new Error(`${message}: install it`);
  console.error(`not run: ${message}`);
  return describe.skip;
}

export function missingForPrometheus(): string | null {
  const there = ["prometheus", "promtool"].every(installed);
  return there ? null : "the suites of dashboards and rules need Prometheus (Debian: prometheus)";
}

export function missingToMount(): string | null {
  const isRoot = process.platform === "linux" && process.getuid?.() === 0;
  return isRoot ? null : "the suite of the roles' alerts fills a small file system: it needs Linux, as root";
}

export const describePrometheus = describeUnlessMissing(missingForPrometheus());

function installed(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
