/**
 * Writes what is made from the schema: `node crds/generate.ts`. With `--check` nothing is written, and a file that is
 * not what would be written is named; exit 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { customResourceDefinition } from "./definition.ts";
import { referencePage } from "./reference.ts";

/** Text by path from the root of the repository. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const note = "# Generated from crds/ by `npm run generate`. Change the schema there.\n";
  return new Map([
    ["crds/recommenderpipelines.yaml", note + stringify(customResourceDefinition(), { lineWidth: 0, version: "1.1" })],
    ["docs/reference/recommenderpipeline.md", referencePage()],
  ]);
}

/** Paths of the committed files that differ from what the schema gives. */
export function staleFiles(): string[] {
  return [...generatedFiles()].filter(([path, text]) => committed(path) !== text).map(([path]) => path);
}

function committed(path: string): string | undefined {
  try {
    return readFileSync(location(path), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function location(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = staleFiles();
    for (const path of stale) console.error(`${path} is not current: run npm run generate and commit it`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const [path, text] of generatedFiles()) writeFileSync(location(path), text);
  }
}
