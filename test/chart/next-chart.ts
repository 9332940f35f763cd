/** The next version of the chart. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";

export const CHART = fileURLToPath(new URL("../../charts/productmatcher", import.meta.url));

/** Field of `objectives` that the next definition has more. */
export const NEW_FIELD = "noveltyPercent";

/** @returns the chart's folder, made in `folder` */
export function nextChart(folder: string, version: string): string {
  const next = join(folder, "next");
  cpSync(CHART, next, { recursive: true });
  const definition = parse(readFileSync(join(next, "files/definition.yaml"), "utf8"));
  const { properties } = definition.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.objectives;
  properties[NEW_FIELD] = { type: "integer", minimum: 0, maximum: 100 };
  writeFileSync(join(next, "files/definition.yaml"), stringify(definition, { lineWidth: 0, version: "1.1" }));
  const about = readFileSync(join(next, "Chart.yaml"), "utf8");
  writeFileSync(join(next, "Chart.yaml"), about.replace(/^(version|appVersion): .*/gm, `$1: ${version}`));
  return next;
}
