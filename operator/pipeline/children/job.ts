/** Work that ends: migrations, the first training, the clean-up after a deletion. */
import { createHash } from "node:crypto";
import type { KubeObject } from "../../runtime/index.ts";
import { JOB } from "../kinds.ts";
import { childMeta, childName, type Role } from "../names.ts";
import { roleFile } from "../role-files.ts";
import { type Build, child } from "./build.ts";
import { podTemplate } from "./pod.ts";

/** A pod and two more, before a Job counts as failed. */
export const MIGRATION_TRIES = 3;
const TRAINING_RETRIES = 1;
const CLEANUP_SECONDS = 600;

/** Of all that decides what a migration does: image, sink, brokers (it makes the topics) and catalogue. */
export function migrationHash({ pipeline, image }: Build): string {
  const decides = JSON.stringify([image, roleFile(pipeline, "migrate")]);
  return createHash("sha256").update(decides).digest("hex").slice(0, 8);
}

/** Without a time to live: a Job that vanished would be made again. */
export function migrationJob(build: Build): KubeObject {
  const name = `${childName(build.pipeline, "migrate")}-${migrationHash(build)}`;
  return child(JOB, childMeta(build.pipeline, "migrate", name), {
    spec: { backoffLimit: MIGRATION_TRIES - 1, template: jobPod(build, "migrate") },
  });
}

export function firstTrainingJob(build: Build): KubeObject {
  const name = `${childName(build.pipeline, "trainer")}-first`;
  return child(JOB, childMeta(build.pipeline, "trainer", name), { spec: trainingJobSpec(build) });
}

export function cleanupJob(build: Build): KubeObject {
  return child(JOB, childMeta(build.pipeline, "cleanup"), {
    spec: { activeDeadlineSeconds: CLEANUP_SECONDS, backoffLimit: 5, template: jobPod(build, "cleanup") },
  });
}

export function trainingJobSpec(build: Build) {
  const { training } = build.pipeline.spec;
  return {
    activeDeadlineSeconds: training.timeoutMinutes * 60,
    backoffLimit: TRAINING_RETRIES,
    template: podTemplate(build, { role: "trainer", resources: training.resources, pods: training.pods }),
  };
}

function jobPod(build: Build, role: Extract<Role, "migrate" | "cleanup">) {
  return podTemplate(build, { role, resources: undefined, pods: undefined });
}
