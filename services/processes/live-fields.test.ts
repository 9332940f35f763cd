import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import { pipelineResource } from "../../test/fixtures/pipelines.ts";
import { CONFIG_VERSION, CONFIG_VERSION_ANNOTATION, readPipelines } from "../config/index.ts";
import { LiveFieldsError, watchLiveFields } from "./live-fields.ts";

const folder = mkdtempSync(join(tmpdir(), "productmatcher-live-"));
const file = join(folder, "live.yaml");
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  rmSync(folder, { recursive: true, force: true });
});

const text = (seen: string, version = CONFIG_VERSION) => {
  const resource = pipelineResource({ serving: { seen } as never });
  const annotations = { [CONFIG_VERSION_ANNOTATION]: version };
  return stringify({ ...resource, metadata: { ...resource.metadata, annotations } });
};

test("live fields are those of the file of the moment; one that is not valid is told, and changes nothing", async () => {
  const [pipeline] = readPipelines(text("Decay"), { source: "test" }).pipelines;
  if (pipeline === undefined) throw new Error("the test's own resource is not valid");
  const { logger, lines } = linesLogger();
  const watch = (liveFile: string | null) =>
    watchLiveFields({ pipeline, liveFile, logger, onClose: (step) => void closing.push(step), everyMilliseconds: 5 });

  expect((await watch(null)).spec().serving.seen).toBe("Decay");
  // What the role's own file says of live fields is no answer: without its keys a collector would admit everybody.
  await expect(watch(join(folder, "absent.yaml"))).rejects.toThrow(LiveFieldsError);
  writeFileSync(file, text("Exclude", "9"));
  await expect(watch(file)).rejects.toThrow(/of form 9/);
  writeFileSync(file, text("Exclude"));
  const live = await watch(file);
  expect([live.spec().serving.seen, live.problem()]).toEqual(["Exclude", null]);
  writeFileSync(file, text("Never"));
  await expect.poll(() => live.problem()?.message).toContain("seen: expected one of");
  expect(live.problem()).toMatchObject({ about: "Role", reason: "ConfigurationRejected" });
  expect(live.spec().serving.seen).toBe("Exclude");
  expect(lines.filter(({ msg }) => String(msg).includes("seen: expected one of"))).toHaveLength(1);
  writeFileSync(file, text("Include"));
  await expect.poll(() => live.spec().serving.seen).toBe("Include");
  expect(live.problem()).toBeNull();
});
