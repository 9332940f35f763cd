import type { KubeObject } from "../../runtime/index.ts";
import { DISRUPTION_BUDGET } from "../kinds.ts";
import { childMeta, type StandingRole, selectorLabels } from "../names.ts";
import { type Build, child, roleSpec } from "./build.ts";

/** A node may be emptied at any time, one pod of a role after the other; broken pods do not stop it. */
export function disruptionBudget({ pipeline }: Build, role: StandingRole): KubeObject | null {
  if (roleSpec(pipeline, role) === undefined) return null;
  return child(DISRUPTION_BUDGET, childMeta(pipeline, role), {
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: selectorLabels(pipeline, role) },
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  });
}
