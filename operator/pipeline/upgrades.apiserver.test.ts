/** An API server of the test's own, whose definitions and rights it changes. */
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { parse, stringify } from "yaml";
import { kubeconfigOf, kubectl, OPERATOR, startControlPlane } from "../../test/api-server/control-plane.ts";
import { startKubelet } from "../../test/api-server/kubelet.ts";
import { installOperator, startOperatorProcess } from "../../test/api-server/operator.ts";
import { HEALTHY } from "../../test/api-server/pipelines.ts";
import { connect, describeApiServer, eventually } from "../../test/api-server/suite.ts";
import { pipelineResource } from "../../test/fixtures/pipelines.ts";
import { leaseRights, pipelineRights } from "./rights.ts";
import { LEASE_NAME } from "./run.ts";

const DEFINITION = "crds/recommenderpipelines.yaml";
const OWN = "shops";

async function ownPlane() {
  const plane = await startControlPlane();
  onTestFinished(() => plane.remove());
  const run = (...args: string[]) => kubectl(plane, args);
  const apply = (object: object) => kubectl(plane, ["apply", "-f", "-"], JSON.stringify(object));
  const kubelet = await startKubelet(
    connect({ kubeconfig: kubeconfigOf(plane) }),
    [OWN],
    (role) => HEALTHY[role] ?? null,
  );
  onTestFinished(() => kubelet.stop());
  await run("create", "namespace", OWN);
  const applyPipeline = (name: string, namespace = OWN) => {
    const resource = pipelineResource({}, name, namespace);
    return apply({ ...resource, metadata: { name, namespace } });
  };
  const ready = (name: string) => run("-n", OWN, "wait", `rp/${name}`, "--for=condition=Ready", "--timeout=60s");
  return { plane, run, apply, applyPipeline, ready };
}

describeApiServer("an operator on a cluster that changes", () => {
  test("replaces no pod when a newer definition brings a field with a default", async () => {
    const { plane, run, apply, applyPipeline, ready } = await ownPlane();
    await installOperator(plane);
    const operator = await startOperatorProcess({ plane, namespaces: [OWN] });
    onTestFinished(async () => {
      await operator.stop("SIGKILL");
    });
    await applyPipeline("shop");
    await ready("shop");
    const versions = () =>
      run(
        ...["-n", OWN, "get", "deploy,cm,svc,job,cronjob,sa,netpol", "-l", "app.kubernetes.io/part-of=shop"],
        "-o",
        PLAIN,
      );
    const before = await settled(versions);

    const definition = parse(readFileSync(DEFINITION, "utf8"));
    const serving = definition.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.serving;
    serving.properties.ofALaterRelease = { type: "string", default: "Yes", description: "Of a later release." };
    await apply(definition);
    await eventually(
      () => run("explain", "rp.spec.serving.ofALaterRelease").catch(() => ""),
      (text) => text.includes("Of a later release"),
    );
    // So that the default is stored, and the operator sees a resource with it.
    await run("-n", OWN, "annotate", "rp", "shop", "seen=again");
    await run("-n", OWN, "patch", "rp", "shop", "--type=merge", "-p", stringify({ spec: { paused: false } }));
    expect(await run("-n", OWN, "get", "rp", "shop", "-o", "jsonpath={.spec.serving.ofALaterRelease}")).toBe("Yes");
    expect(await settled(versions)).toBe(before);
    await ready("shop");
  });

  test("needs no more than a Role in the namespaces that it is to watch, and leaves others alone", async () => {
    const { plane, run, apply, applyPipeline, ready } = await ownPlane();
    await run("apply", "-f", DEFINITION);
    await eventually(
      () => run("get", "rp").catch((error: Error) => error.message),
      (said) => !/doesn't have a resource type|NotFound/.test(said),
    );
    const metadata = { name: "operator", namespace: OWN };
    const group = "rbac.authorization.k8s.io";
    const rules = [...pipelineRights({ gatewayApi: false, keda: false }), ...leaseRights(LEASE_NAME)];
    await apply({ apiVersion: `${group}/v1`, kind: "Role", metadata, rules });
    await apply({
      ...{ apiVersion: `${group}/v1`, kind: "RoleBinding", metadata },
      roleRef: { apiGroup: group, kind: "Role", name: "operator" },
      subjects: [{ kind: "User", name: OPERATOR, apiGroup: group }],
    });
    const operator = await startOperatorProcess({ plane, namespaces: [OWN] });
    onTestFinished(async () => {
      await operator.stop("SIGKILL");
    });
    await applyPipeline("elsewhere", "default");
    await applyPipeline("shop");
    await ready("shop");
    expect(await run("get", "rp", "elsewhere", "-o", "jsonpath={.status.conditions[*].reason}")).toBe("Pending");
    expect((await run("get", "deploy", "-o", "name")).trim()).toBe("");
  });
});

/** Kind, name and version of each. */
const PLAIN = 'jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}';

/** What it says once it has said the same for three seconds. */
async function settled(look: () => Promise<string>): Promise<string> {
  let [last, since] = ["", 0];
  await eventually(
    async () => {
      const found = await look();
      if (found !== last) [last, since] = [found, Date.now()];
      return Date.now() - since;
    },
    (milliseconds) => milliseconds > 3_000,
  );
  return last;
}
