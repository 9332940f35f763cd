import { expect, test } from "vitest";
import { connect, describeApiServer, kubectl, newNamespace } from "../../../test/api-server/suite.ts";
import { exampleFile, planFor } from "../../../test/fixtures/pipelines.ts";
import { apply, difference, type KubeObject } from "../../runtime/index.ts";
import { allChildren, type Child } from "../compile.ts";
import { OPTIONAL_KINDS } from "../kinds.ts";
import { MANAGER } from "../names.ts";

const STANDARD = (child: Child) => !Object.values(OPTIONAL_KINDS).flat().includes(child.kind);

function childrenOf(example: KubeObject, namespace: string, spec: object = {}): Child[] {
  const resource: KubeObject = {
    ...example,
    metadata: { name: "shop", namespace, uid: "11111111-2222-3333-4444-555555555555" },
    spec: { ...(example.spec as object), ...spec },
  };
  const plan = planFor(resource);
  return [...allChildren(plan), plan.firstTraining, ...plan.cleanup].filter(STANDARD);
}

describeApiServer("every child", () => {
  test.each([
    ["minimal", {}],
    ["storefront", {}],
    [
      "storefront",
      {
        networkPolicies: "IngressAndEgress",
        consumer: {
          autoscaling: { maxReplicas: 5, targetCPUPercent: 60 },
          resources: { requests: { cpu: 2, memory: "0.5Gi" } },
        },
        pods: {
          labels: { a: "b" },
          nodeSelector: {},
          tolerations: [{ key: "x", operator: "Exists" }],
          priorityClassName: "high",
          imagePullSecrets: [{ name: "pull" }],
          affinity: {
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 1, podAffinityTerm: { topologyKey: "zone" } },
              ],
            },
          },
        },
      },
    ],
  ])("of %s comes back from the server as it was sent: nothing would be written again", async (example, spec) => {
    const namespace = await newNamespace();
    const api = connect();
    for (const { kind, object } of childrenOf(exampleFile(example), namespace, spec)) {
      const answer = await apply(object, { api, kind, manager: MANAGER });
      expect(difference(object, answer, MANAGER), `${object.kind} ${object.metadata.name}`).toBeNull();
    }
  });

  test("that has pods has them as the restricted Pod Security Standard wants them", async () => {
    const namespace = await newNamespace();
    await kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted");
    const templates = childrenOf(exampleFile("storefront"), namespace).flatMap(({ object }) => podSpecOf(object));
    expect(templates.length).toBe(7);
    for (const [index, spec] of templates.entries()) {
      const pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `p-${index}`, namespace },
        spec: { ...spec, serviceAccountName: "default" },
      };
      await connect().request({
        method: "POST",
        path: `/api/v1/namespaces/${namespace}/pods`,
        query: { dryRun: "All" },
        body: pod,
      });
    }
    const lax = { containers: [{ name: "c", image: "i" }] };
    const refused = await connect()
      .request({
        method: "POST",
        path: `/api/v1/namespaces/${namespace}/pods`,
        body: { apiVersion: "v1", kind: "Pod", metadata: { name: "lax" }, spec: lax },
      })
      .catch((error: Error) => error.message);
    expect(refused).toMatch(/violates PodSecurity/);
  });
});

interface Templated {
  readonly spec: {
    readonly template?: { readonly spec: object };
    readonly jobTemplate?: { readonly spec: { readonly template: { readonly spec: object } } };
  };
}

function podSpecOf(object: KubeObject): object[] {
  const { spec } = object as unknown as Templated;
  const template = spec?.template ?? spec?.jobTemplate?.spec.template;
  return template === undefined ? [] : [template.spec];
}
