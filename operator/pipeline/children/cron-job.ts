import { createHash } from "node:crypto";
import type { KubeObject } from "../../runtime/index.ts";
import { CRON_JOB } from "../kinds.ts";
import { childLabels, childMeta } from "../names.ts";
import { type Build, child } from "./build.ts";
import { trainingJobSpec } from "./job.ts";

const START_WITHIN_SECONDS = 300;
const EVERY_MINUTES = 30;

/** Training runs: one at a time. */
export function cronJob(build: Build): KubeObject {
  const { pipeline } = build;
  const { training } = pipeline.spec;
  return child(CRON_JOB, childMeta(pipeline, "trainer"), {
    spec: {
      schedule: training.schedule?.trim() ?? ownSchedule(pipeline.metadata.uid ?? ""),
      timeZone: training.timeZone,
      suspend: training.suspend,
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: START_WITHIN_SECONDS,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: { metadata: { labels: childLabels(pipeline, "trainer") }, spec: trainingJobSpec(build) },
    },
  });
}

/** Every half hour, at a minute of the pipeline's own: a thousand of them do not begin together. */
function ownSchedule(uid: string): string {
  const minute = createHash("sha256").update(uid).digest().readUInt32BE(0) % EVERY_MINUTES;
  return `${minute},${minute + EVERY_MINUTES} * * * *`;
}
