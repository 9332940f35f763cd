/** How a role is reached: from outside by an Ingress or a route of the Gateway API, from inside by its Service. */
import type { Exposure } from "../../../crds/index.ts";
import type { KubeObject } from "../../runtime/index.ts";
import { HTTP_ROUTE, INGRESS } from "../kinds.ts";
import { childMeta, childName } from "../names.ts";
import { SERVICE_PORT } from "../settings.ts";
import { type Build, child, roleSpec } from "./build.ts";

export type ExposedRole = "collector" | "recommender";

export function exposureOf({ pipeline }: Pick<Build, "pipeline">, role: ExposedRole): Exposure | undefined {
  const spec = roleSpec(pipeline, role);
  return spec !== undefined && "exposure" in spec ? spec.exposure : undefined;
}

/** `null`: not exposed, or by a route. */
export function ingress(build: Build, role: ExposedRole): KubeObject | null {
  const exposure = exposureOf(build, role);
  if (exposure?.type !== "Ingress") return null;
  const { host, path } = exposure;
  const { className, tlsSecretName, annotations } = exposure.ingress ?? {};
  const metadata = childMeta(build.pipeline, role);
  const backend = { service: { name: childName(build.pipeline, role), port: { name: "http" } } };
  return child(
    INGRESS,
    annotations === undefined || Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations },
    {
      spec: {
        ingressClassName: className,
        rules: [{ host, http: { paths: [{ path, pathType: "Prefix", backend }] } }],
        tls: tlsSecretName === undefined ? undefined : [{ hosts: [host], secretName: tlsSecretName }],
      },
    },
  );
}

/** `null`: not exposed, or by an Ingress. */
export function httpRoute(build: Build, role: ExposedRole): KubeObject | null {
  const exposure = exposureOf(build, role);
  if (exposure?.type !== "HTTPRoute" || exposure.httpRoute === undefined) return null;
  return child(HTTP_ROUTE, childMeta(build.pipeline, role), {
    spec: {
      parentRefs: exposure.httpRoute.parentRefs,
      hostnames: [exposure.host],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: exposure.path } }],
          backendRefs: [{ name: childName(build.pipeline, role), port: SERVICE_PORT }],
        },
      ],
    },
  });
}

/** Where the role is reached; `undefined`: the pipeline has no such role. */
export function urlOf(build: Pick<Build, "pipeline">, role: ExposedRole): string | undefined {
  const { pipeline } = build;
  if (roleSpec(pipeline, role) === undefined) return undefined;
  const exposure = exposureOf(build, role);
  if (exposure === undefined)
    return `http://${childName(pipeline, role)}.${pipeline.metadata.namespace ?? "default"}.svc`;
  const encrypted = exposure.type === "HTTPRoute" || exposure.ingress?.tlsSecretName !== undefined;
  return `${encrypted ? "https" : "http"}://${exposure.host}${exposure.path === "/" ? "" : exposure.path}`;
}
