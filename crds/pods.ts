/** What a user may decide about the pods of a role. */
import { z } from "zod";
import { atomicList, choice, foreignObject, listMap, mapOf, object, text } from "./fields.ts";

const QUANTITY = /^[0-9]+(\.[0-9]+)?(m|[kMGT]i?)?$/;

/** An amount of a resource, as the API server takes it: a whole number or text such as 500m or 4Gi. */
const quantity = z
  .union([z.int(), z.string().regex(QUANTITY)])
  .meta({ "x-kubernetes-int-or-string": true, pattern: QUANTITY.source });

export const resources = object("CPU and memory of the role's pods. Absent: the operator's default for the role.", {
  requests: mapOf("What is reserved on the node, by resource: cpu (500m), memory (1Gi).", 8, quantity).optional(),
  limits: mapOf("What a pod may use at most, by resource. Above its memory it is ended.", 8, quantity).optional(),
});

const toleration = object("A taint that the pods put up with.", {
  key: text("The taint's key. Absent, with operator: Exists: every taint.").optional(),
  operator: choice("Exists takes any value of the key; Equal takes the one in value.", ["Exists", "Equal"]).optional(),
  value: text("The taint's value, with operator: Equal.").optional(),
  effect: text("NoSchedule, PreferNoSchedule or NoExecute. Absent: all of them.").optional(),
  tolerationSeconds: z
    .int()
    .meta({
      description: "How long a pod stays on a node with a NoExecute taint. Absent: for ever.",
      unit: "seconds",
      format: "int64",
    })
    .optional(),
});

/**
 * Closed on purpose: no containers, volumes, service account or host fields, which would turn the right to write a
 * pipeline into the right to run anything. Affinity and spread are judged by the Deployment's own validation.
 */
export function podSettings(description: string) {
  return object(description, {
    labels: mapOf("Labels on the pods, beside the operator's own.", 64, text("A label's value.", 1024)).optional(),
    annotations: mapOf("Annotations on the pods.", 64, text("An annotation's value.", 1024)).optional(),
    nodeSelector: mapOf("Labels that a node must have.", 64, text("A label's value.", 1024)).optional(),
    tolerations: atomicList("Taints that the pods put up with.", { max: 32 }, toleration).optional(),
    affinity: foreignObject("Affinity of the pods, as in a pod's spec.").optional(),
    topologySpreadConstraints: atomicList(
      "How the pods are spread over zones and nodes, as in a pod's spec.",
      { max: 8 },
      foreignObject("A TopologySpreadConstraint of Kubernetes."),
    ).optional(),
    priorityClassName: text("PriorityClass of the pods.").optional(),
    imagePullSecrets: listMap(
      "Secrets with which the image is pulled.",
      { max: 8 },
      object("A Secret of type kubernetes.io/dockerconfigjson.", { name: text("Name of the Secret.") }),
    ).optional(),
  });
}

export const rolePods = podSettings("Settings of this role's pods, laid over spec.pods field by field.");

export type Resources = z.output<typeof resources>;
export type PodSettings = z.output<ReturnType<typeof podSettings>>;
