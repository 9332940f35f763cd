/**
 * Writes what is made from the snippet's source: `node services/collector/snippet/generate.ts`. With `--check` nothing is
 * written, and a file that is not what would be written is named; exit 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const SOURCE = fileURLToPath(new URL("snippet.ts", import.meta.url));
const MODULE = fileURLToPath(new URL("generated.ts", import.meta.url));
const PAGE = fileURLToPath(new URL("../../../docs/collect.md", import.meta.url));
/** Every browser since 2020; an older one gets what it does not understand, and sends nothing. */
const TARGET = "es2020";

/** The snippet as pages get it, for a classic script. */
export async function minifiedSnippet(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [SOURCE],
    bundle: true,
    minify: true,
    format: "iife",
    target: TARGET,
    write: false,
    legalComments: "none",
    logLevel: "warning",
  });
  return outputFiles.map(({ text }) => text.trim()).join("");
}

/** Text by path. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const snippet = await minifiedSnippet();
  const note = "/** Generated from snippet.ts by `npm run generate`. Change the source there. */";
  return new Map([
    [MODULE, `${note}\nexport const SNIPPET =\n  ${JSON.stringify(snippet)};\n`],
    [PAGE, printed(readFileSync(PAGE, "utf8"), snippet)],
  ]);
}

/** The documentation with the present snippet between the marks. */
function printed(page: string, snippet: string): string {
  const marked = /(<!-- snippet -->\n```js\n)[\s\S]*?(```\n<!-- \/snippet -->)/;
  if (!marked.test(page)) throw new Error(`${PAGE} has no place for the snippet between <!-- snippet --> marks`);
  return page.replace(marked, (_all, before: string, after: string) => `${before}${snippet}\n${after}`);
}

if (import.meta.main) {
  const files = await generatedFiles();
  if (process.argv.includes("--check")) {
    const stale = [...files].filter(([path, text]) => readFileSync(path, "utf8") !== text).map(([path]) => path);
    for (const path of stale) console.error(`${path} is not current: run npm run generate and commit it`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const [path, text] of files) writeFileSync(path, text);
  }
}
