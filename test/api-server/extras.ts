/** The definitions of KEDA and of the Gateway API, as far as the operator sees them: names and kinds, any content. */
import { HTTP_ROUTE, SCALED_OBJECT, TRIGGER_AUTHENTICATION } from "../../operator/pipeline/kinds.ts";
import { type ControlPlaneDescription, kubectl } from "./control-plane.ts";

export async function installExtras(plane: ControlPlaneDescription): Promise<void> {
  const items = [HTTP_ROUTE, SCALED_OBJECT, TRIGGER_AUTHENTICATION].map(({ group, version, kind, plural }) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      annotations: { "api-approved.kubernetes.io": "https://example.invalid/for-tests" },
    },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  }));
  await kubectl(plane, ["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  const names = items.map(({ metadata }) => `crd/${metadata.name}`);
  await kubectl(plane, ["wait", "--for=condition=Established", ...names]);
}
