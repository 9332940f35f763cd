import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import type { PipelineStatus } from "../../crds/index.ts";
import { objectives } from "../../crds/objectives.ts";
import { pipelineFigures } from "./figures.ts";

const STATUS: PipelineStatus = {
  conditions: [
    {
      type: "Ready",
      status: "True",
      reason: "Available",
      message: "",
      observedGeneration: 1,
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
  ],
  training: {
    job: "web-trainer-1",
    startedAt: "2026-01-01T00:00:00Z",
    finishedAt: "2026-01-01T00:01:30Z",
    result: "Refused",
    memoryBytes: 200_000_000,
    candidates: [
      { algorithm: "hybrid", score: "0.1822", liftPercent: "-1.5", verdict: "refused" },
      { algorithm: 'x"} 1\n', score: "0.9", verdict: "published" },
      { algorithm: "popular", verdict: "it was too long to be a word" },
    ],
  },
};

describe("the figures of a pipeline", () => {
  const lines = async (registry: Registry) =>
    (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));

  test("say what its status says, and go with it", async () => {
    const registry = new Registry();
    const figures = pipelineFigures(registry);
    figures.show("shop/web", STATUS, objectives.parse({ lag: 7 }));
    const of = 'namespace="shop",pipeline="web"';
    const shown = await lines(registry);
    expect(shown).toEqual(
      expect.arrayContaining([
        `productmatcher_pipeline_condition{${of},type="Ready",status="True"} 1`,
        `productmatcher_pipeline_condition{${of},type="Ready",status="False"} 0`,
        `productmatcher_pipeline_objective{${of},objective="lag"} 7`,
        `productmatcher_pipeline_training_result{${of},result="Refused"} 1`,
        `productmatcher_pipeline_training_result{${of},result="Promoted"} 0`,
        `productmatcher_pipeline_training_duration_seconds{${of}} 90`,
        `productmatcher_pipeline_training_memory_bytes{${of}} 200000000`,
        `productmatcher_pipeline_candidate_score{${of},algorithm="hybrid"} 0.1822`,
        `productmatcher_pipeline_candidate_lift_ratio{${of},algorithm="hybrid"} -0.015`,
        `productmatcher_pipeline_candidate_verdict{${of},algorithm="hybrid",verdict="refused"} 1`,
      ]),
    );
    // No run has published anything yet, and what is no word is no label.
    expect(shown.filter((line) => /last_success|published|too long/.test(line))).toEqual([]);

    figures.show("shop/web", { ...STATUS, training: undefined }, undefined);
    const later = await lines(registry);
    expect(later.filter((line) => line.includes("training") || line.includes("candidate"))).toEqual([]);
    expect(later).toContain(`productmatcher_pipeline_objective{${of},objective="lag"} 7`);

    figures.forget("shop/web");
    expect(await lines(registry)).toEqual([]);
  });
});
