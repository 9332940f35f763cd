import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readPipelines } from "./read.ts";

const page = readFileSync(new URL("../../docs/kafka.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = ""]) => text);

describe("docs/kafka.md", () => {
  it.each(examples)("shows what the resource takes: %s", (kafka) => {
    const resource = `
apiVersion: productmatcher.dev/v1alpha1
kind: RecommenderPipeline
metadata: { name: shop }
spec:
  sink: { clickhouse: { url: "http://clickhouse:8123", credentials: { secretRef: { name: clickhouse } } } }
  source:
    topics: [{ name: clicks }]
${kafka.replace(/^/gm, "    ")}`;
    expect(readPipelines(resource, { source: "page" }).faults).toEqual([]);
  });

  it("has examples", () => {
    expect(examples.length).toBeGreaterThan(5);
  });
});
