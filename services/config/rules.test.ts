import { describe, expect, it } from "vitest";
import { pipelineSchema, type Schema } from "../../crds/index.ts";
import {
  experiments,
  kafkaWith,
  type LooseSpec,
  RULE_CASES,
  type RuleCase,
  resourceWith,
  serving,
} from "../../test/fixtures/rule-cases.ts";
import { validatePipeline } from "./validate.ts";

function faultsOf(
  spec: LooseSpec,
  { before, name }: Pick<RuleCase, "before" | "name">,
): { path: string; message: string }[] {
  const old = before === undefined ? {} : { old: resourceWith(before) };
  return validatePipeline(resourceWith(spec, name), old).faults.map(({ path, message }) => ({
    path: path.reduce<string>(
      (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
      "",
    ),
    message,
  }));
}

describe("a rule", () => {
  it.each(RULE_CASES)("$id refuses what breaks it at $path: $message", ({ message, path, breaks, before, name }) => {
    expect(faultsOf(breaks, { ...(before && { before }), ...(name && { name }) })).toEqual([
      { path, message: expect.stringContaining(message) },
    ]);
  });

  it.each(RULE_CASES)("$id passes what holds it: $message", ({ holds, before }) => {
    expect(faultsOf(holds, before ? { before } : {})).toEqual([]);
  });

  it("is tried by a case, whichever it is", () => {
    const untried = rulesOf(pipelineSchema).filter(
      ({ id, message }) => !RULE_CASES.some((tried) => tried.id === id && message.startsWith(tried.message)),
    );
    expect(untried).toEqual([]);
  });

  it("on changes is left out without the resource as it was", () => {
    expect(validatePipeline(resourceWith(kafkaWith({ prefix: "b" }))).faults).toEqual([]);
  });

  it("on a change of an experiment follows the experiment's name, not its place in the list", () => {
    const before = experiments({ layer: "a" }, { layer: "b" });
    const after = serving({ experiments: [...(before.serving.experiments as LooseSpec[])].reverse() });
    expect(faultsOf(after, { before })).toEqual([]);
    expect(faultsOf(experiments({ layer: "a" }), { before })).toEqual([]);
  });

  it("is left out when it would read a field of the wrong type, which is told alone", () => {
    const faults = faultsOf({ training: { lookbackDays: "1" } }, {});
    expect(faults).toEqual([{ path: "spec.training.lookbackDays", message: 'expected a whole number, found "1"' }]);
  });
});

function rulesOf(schema: Schema): { id: string; message: string }[] {
  const below = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  return [
    ...(schema["x-kubernetes-validations"] ?? []),
    ...below.flatMap((inner) => (inner === undefined ? [] : rulesOf(inner))),
  ];
}
