import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { type Node, valuesSchema } from "./documents.ts";
import { staleFiles } from "./generate.ts";
import { chartValues } from "./values.ts";

function nodes(schema: Node, path: string): [string, Node][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]): [string, Node][] => [
    [`${path}${name}`, value],
    ...nodes(value, `${path}${name}.`),
  ]);
}

it("the generated files are current", () => {
  expect(staleFiles()).toEqual([]);
});

it("values.yaml holds every value with its default", () => {
  const written = parse(readFileSync(new URL("productmatcher/values.yaml", import.meta.url), "utf8"));
  expect(written).toEqual(chartValues.parse({}));
});

it("every value is described, and closed to names that it does not know", () => {
  const found = nodes(valuesSchema() as Node, "");
  expect(found.length).toBeGreaterThan(50);
  const open = found.filter(([, { properties, additionalProperties }]) => properties && additionalProperties !== false);
  // What Kubernetes judges itself.
  expect(open.map(([path]) => path)).toEqual(["affinity", "global"]);
  expect(found.filter(([, { description }]) => (description ?? "").length < 5).map(([path]) => path)).toEqual([]);
});
