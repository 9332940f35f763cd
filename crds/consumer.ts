/** The role that reads topics and writes ClickHouse. */
import type { z } from "zod";
import { integer, object, rule } from "./fields.ts";
import { resources, rolePods } from "./pods.ts";
import { maxReplicas, maxReplicasAboveReplicas, replicas, targetCPUPercent } from "./scaling.ts";

const consumerAutoscaling = object(
  "Lets a scaler choose the number of pods, at most one a partition. Absent: it is replicas.",
  {
    maxReplicas,
    targetCPUPercent: targetCPUPercent.optional(),
    targetLag: integer("The scaler, KEDA, adds pods when more records than this wait for each.", {
      min: 1,
      max: 100_000_000,
      unit: "records",
    }).optional(),
  },
  [
    rule(
      "V14",
      "has(self.targetCPUPercent) != has(self.targetLag)",
      "set one target: targetCPUPercent, or targetLag (needs KEDA)",
    ),
  ],
);

export const consumer = object(
  "Reads the topics, maps, checks, enriches, attributes and stores.",
  {
    replicas,
    autoscaling: consumerAutoscaling.optional(),
    resources: resources.optional(),
    pods: rolePods.optional(),
  },
  [maxReplicasAboveReplicas],
);

export type Consumer = z.output<typeof consumer>;
