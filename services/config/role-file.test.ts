import { expect, test } from "vitest";
import { stringify } from "yaml";
import { pipelineResource } from "../../test/fixtures/pipelines.ts";
import { readPipelines } from "./read.ts";
import { CONFIG_VERSION, CONFIG_VERSION_ANNOTATION, isRoleFile } from "./role-file.ts";

function fileWith(annotations: Record<string, string> | undefined) {
  const resource = pipelineResource();
  const metadata = { ...resource.metadata, ...(annotations === undefined ? {} : { annotations }) };
  const [pipeline] = readPipelines(stringify({ ...resource, metadata }), { source: "test" }).pipelines;
  if (pipeline === undefined) throw new Error("the test's own resource is not valid");
  return pipeline;
}

test("a role's file is known by its annotation, and one of another form is refused", () => {
  expect(isRoleFile(fileWith(undefined))).toBe(false);
  expect(isRoleFile(fileWith({ [CONFIG_VERSION_ANNOTATION]: CONFIG_VERSION }))).toBe(true);
  expect(() => isRoleFile(fileWith({ [CONFIG_VERSION_ANNOTATION]: "2" }))).toThrow(/of form 2 .* reads form 1/);
});
