import type { KubeObject } from "../../runtime/index.ts";
import { apiVersionOf } from "../../runtime/index.ts";
import { AUTOSCALER, DEPLOYMENT } from "../kinds.ts";
import { childMeta, childName, type StandingRole } from "../names.ts";
import { type Build, child, roleSpec } from "./build.ts";

/** By CPU; `null`: the role is scaled by nobody, or by lag. */
export function autoscaler({ pipeline }: Build, role: StandingRole): KubeObject | null {
  const spec = roleSpec(pipeline, role);
  const target = spec?.autoscaling?.targetCPUPercent;
  if (spec?.autoscaling === undefined || target === undefined) return null;
  return child(AUTOSCALER, childMeta(pipeline, role), {
    spec: {
      scaleTargetRef: {
        apiVersion: apiVersionOf(DEPLOYMENT),
        kind: DEPLOYMENT.kind,
        name: childName(pipeline, role),
      },
      // It takes no 0: that is for scalers that see the work without a pod.
      minReplicas: Math.max(spec.replicas, 1),
      maxReplicas: spec.autoscaling.maxReplicas,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: target } } },
      ],
    },
  });
}
