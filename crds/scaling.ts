/** Replicas of the roles that answer or read, and how a scaler moves them. */
import { integer, object, rule } from "./fields.ts";

/** `replicas` of a role: with autoscaling its floor. */
export const replicas = integer("Pods of the role; the floor while autoscaling is set.", {
  min: 0,
  max: 1000,
  unit: "pods",
}).default(2);

export const maxReplicas = integer("Pods at most. Not below replicas.", { min: 1, max: 1000, unit: "pods" });

const cpuTarget = "The scaler adds pods when their mean CPU use is above this share of what they request.";

export const targetCPUPercent = integer(cpuTarget, { min: 10, max: 100, unit: "percent" });

/** Scaling of a role that answers requests. */
export const autoscaling = object("Lets a HorizontalPodAutoscaler choose the number of pods. Absent: it is replicas.", {
  maxReplicas,
  targetCPUPercent: targetCPUPercent.default(70),
});

/** Stands on every role that has `replicas` and `autoscaling`. */
export const maxReplicasAboveReplicas = rule(
  "V12",
  "!has(self.autoscaling) || self.autoscaling.maxReplicas >= self.replicas",
  "autoscaling.maxReplicas is below replicas; replicas is the floor while autoscaling is set",
  { fieldPath: ".autoscaling.maxReplicas", reason: "FieldValueInvalid" },
);
