/** The rights that the operator asks for, against the requests that the API server saw of it. */
import { expect, onTestFinished, test } from "vitest";
import {
  type AuditedRequest,
  auditedRequests,
  kubeconfigOf,
  kubectl,
  OPERATOR,
  startControlPlane,
} from "../../test/api-server/control-plane.ts";
import { installExtras } from "../../test/api-server/extras.ts";
import { startKubelet } from "../../test/api-server/kubelet.ts";
import { installOperator, startOperatorProcess } from "../../test/api-server/operator.ts";
import { HEALTHY } from "../../test/api-server/pipelines.ts";
import { connect, describeApiServer, eventually } from "../../test/api-server/suite.ts";
import { exampleFile } from "../../test/fixtures/pipelines.ts";
import { leaseRights, pipelineRights, type Rule } from "./rights.ts";
import { LEASE_NAME } from "./run.ts";

const EVERYTHING = { gatewayApi: true, keda: true };
const GRANTED = [...pipelineRights(EVERYTHING), ...leaseRights(LEASE_NAME)];

/** `verb group/resource`, one for each that a rule grants. */
function rightsOf(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))),
  );
}

function usedBy({ verb, objectRef }: AuditedRequest): string[] {
  if (objectRef === undefined) return [];
  const { apiGroup = "", resource, subresource } = objectRef;
  const right = `${apiGroup}/${resource}${subresource === undefined ? "" : `/${subresource}`}`;
  return [`${verb} ${right}`];
}

/** What server-side apply uses when the object is not there. */
const isCreatedByApply = (right: string) => right.startsWith("create ");

describeApiServer("the rights of the operator", () => {
  test("are enough for a pipeline's whole life, and none of them is without use", async () => {
    const own = await startControlPlane();
    onTestFinished(() => own.remove());
    await installOperator(own);
    await installExtras(own);
    const namespace = "default";
    const api = connect({ kubeconfig: kubeconfigOf(own) });
    const kubelet = await startKubelet(api, [namespace], (role) => HEALTHY[role] ?? null);
    onTestFinished(() => kubelet.stop());
    const operator = await startOperatorProcess({ plane: own, namespaces: [namespace] });
    onTestFinished(async () => {
      await operator.stop();
    });
    const on = (...args: string[]) => kubectl(own, ["-n", namespace, ...args]);
    const apply = (spec: object) => {
      const { metadata: _, ...rest } = exampleFile("storefront");
      const body = { ...rest, metadata: { name: "shop", namespace }, spec: { ...(rest.spec as object), ...spec } };
      return kubectl(own, ["-n", namespace, "apply", "-f", "-"], JSON.stringify(body));
    };

    await apply({ deletionPolicy: "Delete" });
    await on("wait", "rp/shop", "--for=condition=Ready", "--timeout=60s");
    // A child of each kind is deleted by hand and by the operator, so that each is made twice and removed once.
    const bare = { collector: null, networkPolicies: "None", consumer: {}, serving: { replicas: 1 } };
    await apply({ ...bare, pods: {}, deletionPolicy: "Delete" });
    await eventually(
      () => on("get", "netpol,hpa,ingress,httproutes,scaledobjects,triggerauthentications", "-o", "name"),
      (names) => names === "",
    );
    // An event that comes again is counted in the first.
    kubelet.behave = (role) => (role === "recommender" ? { is: "crashing", words: "no" } : (HEALTHY[role] ?? null));
    for (const healthy of [false, true, false, true]) {
      kubelet.behave = (role) =>
        role === "recommender" && !healthy ? { is: "crashing", words: "no" } : (HEALTHY[role] ?? null);
      await on("wait", "rp/shop", `--for=condition=ServingReady=${healthy ? "True" : "False"}`, "--timeout=60s");
    }
    await on("delete", "rp", "shop", "--timeout=60s");
    await eventually(
      () => on("get", "deploy,cm,sa,svc,job", "-l", "app.kubernetes.io/part-of=shop", "-o", "name"),
      (names) => names === "",
    );
    await operator.stop();

    const seen = auditedRequests(own).filter(({ user }) => user.username === OPERATOR);
    const refused = seen.filter(({ responseStatus }) => responseStatus?.code === 403);
    expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
    const used = new Set(seen.flatMap(usedBy));
    const granted = rightsOf(GRANTED);
    expect([...used].filter((right) => !granted.includes(right))).toEqual([]);
    const unused = granted.filter((right) => !used.has(right) && !isCreatedByApply(right));
    // ServiceAccounts and the like go with their owner, by the garbage collector, unless a part is switched off.
    expect(unused).toEqual(["update productmatcher.dev/recommenderpipelines/finalizers"]);
    expect(granted.join(" ")).not.toMatch(/secrets|\*|nodes|namespaces|roles/);
  }, 240_000);

  test("that are missing are told as Forbidden, by the API server's sentence, and found again", async () => {
    const own = await startControlPlane();
    onTestFinished(() => own.remove());
    await installOperator(own);
    const rules = GRANTED.map((rule) => {
      if (!rule.resources.includes("poddisruptionbudgets")) return rule;
      return { ...rule, verbs: rule.verbs.filter((verb) => verb === "list" || verb === "watch") };
    });
    const role = (granted: readonly Rule[]) =>
      kubectl(
        own,
        ["apply", "-f", "-"],
        JSON.stringify({
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRole",
          metadata: { name: OPERATOR },
          rules: granted,
        }),
      );
    await role(rules);
    const api = connect({ kubeconfig: kubeconfigOf(own) });
    const kubelet = await startKubelet(api, ["default"], (name) => HEALTHY[name] ?? null);
    onTestFinished(() => kubelet.stop());
    const operator = await startOperatorProcess({ plane: own, namespaces: ["default"] });
    onTestFinished(async () => {
      await operator.stop();
    });
    const body = { ...exampleFile("minimal"), metadata: { name: "shop", namespace: "default" } };
    await kubectl(own, ["apply", "-f", "-"], JSON.stringify(body));
    const condition = () =>
      kubectl(own, ["get", "rp", "shop", "-o", 'jsonpath={.status.conditions[?(@.type=="ConfigurationValid")]}']);
    const found = await eventually(condition, (text) => text.includes('"Forbidden"'));
    expect(found).toMatch(/poddisruptionbudgets.*cannot patch resource/);
    await role(GRANTED);
    await eventually(condition, (text) => text.includes('"Valid"'), 60_000);
  }, 240_000);
});
