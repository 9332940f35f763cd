import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { customResourceDefinition } from "./definition.ts";
import { staleFiles } from "./generate.ts";
import type { Schema } from "./schema.ts";
import { pipelineSchema } from "./schema.ts";

interface Place {
  readonly path: string;
  readonly schema: Schema;
}

function places(schema: Schema, path = ""): Place[] {
  return [
    { path, schema },
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => places(field, `${path}.${name}`)),
    ...(schema.items ? places(schema.items, `${path}[]`) : []),
    ...(schema.additionalProperties ? places(schema.additionalProperties, `${path}{}`) : []),
  ];
}

const inSpec = places(pipelineSchema.properties?.spec ?? {}, "spec");
const inStatus = places(pipelineSchema.properties?.status ?? {}, "status");
const pathsOf = (found: readonly Place[]) => found.map(({ path }) => path);

describe("the generated files", () => {
  it("are current", () => {
    expect(staleFiles()).toEqual([]);
  });
});

describe("every field", () => {
  it("is described", () => {
    const fields = [...inSpec, ...inStatus].filter(({ path }) => /\w$/.test(path));
    expect(pathsOf(fields.filter(({ schema }) => (schema.description ?? "").length < 4))).toEqual([]);
  });

  it("has a bound, so that the cost of the rules has one", () => {
    const unbounded = inSpec.filter(({ schema }) => {
      if (schema.type === "string") return schema.maxLength === undefined && schema.enum === undefined;
      if (schema.type === "array") return schema.maxItems === undefined;
      if (schema.type === "integer") return schema.format === undefined && schema.maximum === undefined;
      return schema.additionalProperties !== undefined && schema.maxProperties === undefined;
    });
    expect(pathsOf(unbounded)).toEqual([]);
  });

  it("of time or share carries its unit in its name and in the schema", () => {
    const units = /(Milliseconds|Seconds|Minutes|Hours|Days|Percent)$/i;
    const integers = inSpec.filter(({ schema, path }) => schema.type === "integer" && !path.endsWith("}"));
    const named = integers.filter(({ path }) => units.test(path) && !path.endsWith("CPUPercent"));
    expect(named.length).toBeGreaterThan(20);
    for (const { path, schema } of named) expect(schema.unit, path).toBe(units.exec(path)?.[1]?.toLowerCase());
    for (const { path, schema } of integers) {
      if (/^(milliseconds|seconds|minutes|hours|days)$/.test(schema.unit ?? "")) expect(path).toMatch(units);
    }
  });

  it("that is a list says how it is merged", () => {
    const lists = [...inSpec, ...inStatus].filter(({ schema }) => schema.type === "array");
    expect(pathsOf(lists.filter(({ schema }) => schema["x-kubernetes-list-type"] === undefined))).toEqual([]);
  });
});

describe("the definition", () => {
  const definition = customResourceDefinition();
  const [version] = definition.spec.versions;

  it("holds nothing that only our own tools read", () => {
    expect(JSON.stringify(definition)).not.toMatch(/"unit":|"id":|"at":|additionalProperties":(true|false)|\$schema/);
  });

  it("shows a resource that no operator has seen as not ready", () => {
    const { properties } = version!.schema.openAPIV3Schema;
    expect(properties?.status?.default).toMatchObject({
      conditions: [{ type: "Ready", status: "Unknown", reason: "Pending" }],
    });
  });

  it("fits into the annotation of a client-side apply", () => {
    expect(JSON.stringify(definition).length).toBeLessThan(262_144);
  });

  const accepted = fileURLToPath(new URL("../../shared/design/recommenderpipeline.crd.json", import.meta.url));
  if (existsSync(accepted)) {
    it("takes every resource that the first accepted schema took: fields are added, none is narrowed", () => {
      const reference = JSON.parse(readFileSync(accepted, "utf8"));
      const { spec } = version!.schema.openAPIV3Schema.properties ?? {};
      expect(narrowed(reference.spec.versions[0].schema.openAPIV3Schema.properties.spec, spec, "spec")).toEqual([]);
    });
  }
});

/** Where `after` refuses, or fills in otherwise, what `before` took. */
function narrowed(before: Schema, after: Schema | undefined, path: string): string[] {
  if (after === undefined) return [`${path} is gone`];
  const { properties = {}, items, additionalProperties, required = [], enum: values = [], ...limits } = before;
  const { description: _, "x-kubernetes-validations": __, ...kept } = limits;
  const changed = Object.entries(kept).flatMap(([name, value]) =>
    JSON.stringify(Reflect.get(after, name)) === JSON.stringify(value) ? [] : [`${path}: ${name}`],
  );
  return [
    ...changed,
    ...values.filter((value) => !after.enum?.includes(value)).map((value) => `${path}: ${value}`),
    ...(after.required ?? []).filter((name) => !required.includes(name)).map((name) => `${path}.${name}: required`),
    ...Object.entries(properties).flatMap(([name, field]) =>
      narrowed(field, after.properties?.[name], `${path}.${name}`),
    ),
    ...(items ? narrowed(items, after.items, `${path}[]`) : []),
    ...(additionalProperties ? narrowed(additionalProperties, after.additionalProperties, `${path}{}`) : []),
  ];
}
