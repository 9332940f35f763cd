import { expect, test } from "vitest";
import { connect, describeApiServer, eventually, get, mergePatch, newNamespace } from "../../test/api-server/suite.ts";
import { apply } from "./apply.ts";
import type { KubeObject, ResourceKind } from "./kinds.ts";
import { difference, holdsField, ownedFields } from "./ownership.ts";

const DEPLOYMENT: ResourceKind = { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" };
const MANAGER = "test-operator";

function deployment(
  namespace: string,
  more: { replicas?: number; args?: string[]; labels?: Record<string, string> } = {},
) {
  const selector = { app: "web" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace, name: "web", labels: { app: "web", ...more.labels } },
    spec: {
      ...(more.replicas === undefined ? {} : { replicas: more.replicas }),
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: selector },
        spec: {
          containers: [
            {
              name: "web",
              image: "web:1",
              args: more.args ?? ["a", "b"],
              ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
              volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
            },
          ],
          volumes: [{ name: "tmp", emptyDir: {} }],
          tolerations: [{ key: "spot", operator: "Exists" }],
        },
      },
    },
  } satisfies KubeObject;
}

async function applied(more = {}) {
  const namespace = await newNamespace();
  const api = connect();
  const options = { api, kind: DEPLOYMENT, manager: MANAGER };
  const desired = deployment(namespace, { replicas: 2, ...more });
  await apply(desired, options);
  const live = () => get(api, DEPLOYMENT, namespace, "web");
  return { namespace, api, options, desired, live };
}

describeApiServer("what is compared with the server", () => {
  test("is the same after it was applied, whatever defaults the server added; applying again writes nothing", async () => {
    const { desired, live, options } = await applied();
    expect(difference(desired, await live(), MANAGER)).toBeNull();
    // The Deployment's own controller writes too, at first.
    await eventually(
      async () => [
        (await apply(desired, options)).metadata.resourceVersion,
        (await apply(desired, options)).metadata.resourceVersion,
      ],
      ([once, twice]) => once === twice,
    );
  });

  test("differs where someone changed a field of ours, and not where they added their own", async () => {
    const { namespace, api, desired, live } = await applied();
    await mergePatch(api, DEPLOYMENT, namespace, "web", {
      metadata: { labels: { theirs: "yes" } },
      spec: { revisionHistoryLimit: 3, template: { metadata: { annotations: { theirs: "yes" } } } },
    });
    expect(difference(desired, await live(), MANAGER)).toBeNull();
    await mergePatch(api, DEPLOYMENT, namespace, "web", { spec: { replicas: 7 } });
    expect(difference(desired, await live(), MANAGER)).toBe(".spec.replicas");
  });

  test("differs where a list that is replaced as a whole is longer, shorter, or in another order", async () => {
    const { desired, live, namespace } = await applied();
    const server = await live();
    for (const args of [["a"], ["a", "b", "c"], ["b", "a"]]) {
      expect(difference(deployment(namespace, { replicas: 2, args }), server, MANAGER)).toMatch(/args/);
    }
    expect(difference(desired, server, MANAGER)).toBeNull();
  });

  test("differs where we own a field that is not desired any more, until it is dropped", async () => {
    const { namespace, live, options } = await applied({ labels: { old: "yes" } });
    const desired = deployment(namespace, { replicas: 2 });
    expect(difference(desired, await live(), MANAGER)).toBe(".f:metadata.f:labels.f:old");
    await apply(desired, options);
    expect(difference(desired, await live(), MANAGER)).toBeNull();
    expect((await live()).metadata.labels).toEqual({ app: "web" });
  });

  test("an added container of someone else is theirs, a removed one of ours comes back", async () => {
    const { namespace, api, desired, live } = await applied();
    await api.request({
      method: "PATCH",
      path: `/apis/apps/v1/namespaces/${namespace}/deployments/web`,
      contentType: "application/strategic-merge-patch+json",
      body: { spec: { template: { spec: { containers: [{ name: "sidecar", image: "side:1" }] } } } },
    });
    expect(difference(desired, await live(), MANAGER)).toBeNull();
    const gone = structuredClone(await live()) as unknown as typeof desired;
    gone.spec.template.spec.containers = gone.spec.template.spec.containers.filter(({ name }) => name !== "web");
    expect(difference(desired, gone, MANAGER)).toBe(".spec.template.spec.containers[web]");
  });

  test("dropping the replicas of a Deployment as their only owner makes them 1: another manager must hold them", async () => {
    const { namespace, live, options } = await applied();
    const held = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { namespace, name: "web" },
      spec: { replicas: 2 },
    };
    expect(holdsField(ownedFields((await live()).metadata.managedFields, MANAGER), "spec.replicas")).toBe(true);
    await apply(held, { ...options, manager: "scale" });
    await apply(deployment(namespace), options);
    expect((await live()).spec).toMatchObject({ replicas: 2 });
    expect(holdsField(ownedFields((await live()).metadata.managedFields, MANAGER), "spec.replicas")).toBe(false);
  });
});
