import type { KubeObject } from "../../runtime/index.ts";
import { SERVICE } from "../kinds.ts";
import { childMeta, selectorLabels } from "../names.ts";
import { SERVICE_PORT } from "../settings.ts";
import { type Build, child } from "./build.ts";

/** Of a role that answers over HTTP. */
export function service({ pipeline }: Build, role: "collector" | "recommender"): KubeObject {
  return child(SERVICE, childMeta(pipeline, role), {
    spec: {
      selector: selectorLabels(pipeline, role),
      ports: [{ name: "http", port: SERVICE_PORT, protocol: "TCP", targetPort: "http", appProtocol: "http" }],
    },
  });
}
