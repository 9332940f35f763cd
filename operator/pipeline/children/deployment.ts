import { createHash } from "node:crypto";
import type { KubeObject } from "../../runtime/index.ts";
import { DEPLOYMENT } from "../kinds.ts";
import { childMeta, type StandingRole, selectorLabels, TEMPLATE_HASH } from "../names.ts";
import { type Build, child, roleSpec } from "./build.ts";
import { podTemplate } from "./pod.ts";
import { scalerEnvironment } from "./scaled-object.ts";

const PROGRESS_SECONDS = 600;

/**
 * How pods are replaced. Answering roles: the new one first. The consumer: the old one first, since a new one beside it
 * would share out the partitions twice.
 */
const ROLLING_UPDATE: Readonly<Record<StandingRole, object>> = {
  collector: { maxSurge: 1, maxUnavailable: 0 },
  consumer: { maxSurge: 0, maxUnavailable: 1 },
  recommender: { maxSurge: 1, maxUnavailable: 0 },
};

/** `null`: the pipeline has no such role. Without `replicas` while an autoscaler decides them. */
export function deployment(build: Build, role: StandingRole): KubeObject | null {
  const { pipeline } = build;
  const spec = roleSpec(pipeline, role);
  if (spec === undefined) return null;
  const env = role === "consumer" ? scalerEnvironment(build) : [];
  const template = podTemplate(build, { role, resources: spec.resources, pods: spec.pods, env });
  const hash = createHash("sha256").update(JSON.stringify(template)).digest("hex").slice(0, 16);
  return child(
    DEPLOYMENT,
    { ...childMeta(pipeline, role), annotations: { [TEMPLATE_HASH]: hash } },
    {
      spec: {
        replicas: spec.autoscaling === undefined ? spec.replicas : undefined,
        revisionHistoryLimit: 3,
        progressDeadlineSeconds: PROGRESS_SECONDS,
        selector: { matchLabels: selectorLabels(pipeline, role) },
        strategy: { type: "RollingUpdate", rollingUpdate: ROLLING_UPDATE[role] },
        template,
      },
    },
  );
}
