/**
 * Writes dashboards, rules and docs/metrics.md: `node dashboards/generate.ts`. With `--check` nothing is written, and a file
 * that is not what would be written is named; exit 1.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { BOARDS } from "./boards/index.ts";
import { dashboard } from "./build.ts";
import { metricsPage } from "./metrics-page.ts";
import { ruleGroups } from "./rules/index.ts";

/** Where the chart reads them. */
export const DASHBOARDS = "charts/productmatcher/files/dashboards/";
export const RULES = "charts/productmatcher/files/rules.yaml";

/** Text by path from the root of the repository. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const note = "# Generated from dashboards/ by `npm run generate`. Change the rules there.\n";
  const boards = BOARDS.map(
    (board) => [`${DASHBOARDS}${board.name}.json`, `${JSON.stringify(dashboard(board), null, 2)}\n`] as const,
  );
  return new Map([
    ...boards,
    [RULES, note + stringify({ groups: ruleGroups() }, { lineWidth: 0 })],
    ["docs/metrics.md", metricsPage()],
  ]);
}

function location(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** Of a dashboard that is no more. */
function leftOver(files: ReadonlyMap<string, string>): string[] {
  const there = read(() => readdirSync(location(DASHBOARDS))) ?? [];
  return there.map((name) => `${DASHBOARDS}${name}`).filter((path) => !files.has(path));
}

function read<Result>(reading: () => Result): Result | undefined {
  try {
    return reading();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

if (import.meta.main) {
  const files = generatedFiles();
  if (process.argv.includes("--check")) {
    const changed = [...files].filter(([path, text]) => read(() => readFileSync(location(path), "utf8")) !== text);
    const stale = [...changed.map(([path]) => path), ...leftOver(files)];
    for (const path of stale) console.error(`${path} is not current: run npm run generate and commit it`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const path of leftOver(files)) rmSync(location(path));
    for (const [path, text] of files) {
      mkdirSync(dirname(location(path)), { recursive: true });
      writeFileSync(location(path), text);
    }
  }
}
