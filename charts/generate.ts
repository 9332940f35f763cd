/**
 * Writes what the chart has from elsewhere: `node charts/generate.ts`. The values' file, schema and table from values.ts,
 * the definition from crds/, the rights from operator/. With `--check` nothing is written, and a file that is not what would be
 * written is named; exit 1.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { customResourceDefinition } from "../crds/index.ts";
import { LEASE_NAME, leaseRights, pipelineRights } from "../operator/pipeline/index.ts";
import { valuesFile, valuesSchema, valuesTable } from "./documents.ts";

const CHART = fileURLToPath(new URL("productmatcher/", import.meta.url));
const README = "README.md";

/** Text by path in the chart. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const note = (source: string) => `# Generated from ${source} by \`npm run generate\`. Change it there.\n`;
  const { metadata: _, apiVersion: _version, kind: _kind, ...definition } = customResourceDefinition();
  return new Map([
    ["values.yaml", note("charts/values.ts") + valuesFile()],
    ["values.schema.json", `${JSON.stringify(valuesSchema(), null, 2)}\n`],
    ["files/definition.yaml", note("crds/") + stringify(definition, { lineWidth: 0, version: "1.1" })],
    ["files/rights.yaml", note("operator/pipeline/rights.ts") + stringify(rights(), { aliasDuplicateObjects: false })],
    [README, withTable(readFileSync(CHART + README, "utf8"))],
  ]);
}

/** By the switch that grants them. */
function rights() {
  const standard = pipelineRights({ gatewayApi: false, keda: false });
  const added = (capabilities: { gatewayApi: boolean; keda: boolean }) => {
    const known = new Set(standard.map((rule) => JSON.stringify(rule)));
    return pipelineRights(capabilities).filter((rule) => !known.has(JSON.stringify(rule)));
  };
  return {
    pipelines: standard,
    gatewayApi: added({ gatewayApi: true, keda: false }),
    keda: added({ gatewayApi: false, keda: true }),
    lease: leaseRights(LEASE_NAME),
  };
}

function withTable(page: string): string {
  const marked = /(<!-- values -->\n)[\s\S]*?(<!-- \/values -->)/;
  if (!marked.test(page))
    throw new Error(`${README} of the chart has no place for its values between <!-- values --> marks`);
  return page.replace(marked, (_all, before: string, after: string) => `${before}${valuesTable()}\n${after}`);
}

/** Paths in the chart of the committed files that are not what would be written. */
export function staleFiles(): string[] {
  const committed = (path: string) => (existsSync(CHART + path) ? readFileSync(CHART + path, "utf8") : undefined);
  return [...generatedFiles()].filter(([path, text]) => committed(path) !== text).map(([path]) => path);
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = staleFiles();
    for (const path of stale)
      console.error(`charts/productmatcher/${path} is not current: run npm run generate and commit it`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const [path, text] of generatedFiles()) writeFileSync(CHART + path, text);
  }
}
