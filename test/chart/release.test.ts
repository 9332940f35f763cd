/** A release from its install to its uninstall, on a control plane of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type ControlPlane, kubeconfigOf, kubectl, startControlPlane } from "../api-server/control-plane.ts";
import { startOperatorProcess } from "../api-server/operator.ts";
import { eventually } from "../api-server/suite.ts";
import { exampleFile } from "../fixtures/pipelines.ts";
import { describeChart, helm, NAMESPACE, RELEASE } from "./helm.ts";
import { CHART, NEW_FIELD, nextChart } from "./next-chart.ts";

const CRD = "crd/recommenderpipelines.productmatcher.dev";
const IMAGE = "image.tag=0.1.0";

let plane: ControlPlane;
let folder: string;

const on = (...args: string[]) => kubectl(plane, args);
const release = (...args: string[]) => helm([...args, "--kubeconfig", kubeconfigOf(plane), "--namespace", NAMESPACE]);
const apply = (object: object, ...more: string[]) =>
  kubectl(plane, ["apply", ...more, "-f", "-"], JSON.stringify(object));
const field = (what: string, path: string, ...more: string[]) => on("get", what, "-o", `jsonpath={${path}}`, ...more);

function pipeline(name: string, namespace: string, objectives: object = {}): object {
  const { spec, ...example } = exampleFile("minimal");
  return { ...example, metadata: { name, namespace }, spec: { ...(spec as object), objectives } };
}

async function untilEstablished(): Promise<void> {
  await on("wait", "--for=condition=Established", CRD, "--timeout=60s");
  await eventually(
    () => on("api-resources", "--api-group=productmatcher.dev", "-o", "name"),
    (names) => names.includes("recommenderpipelines"),
  );
}

describeChart("a release", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
    folder = mkdtempSync(join(tmpdir(), "productmatcher-charts-"));
  });

  afterAll(async () => {
    await plane?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test("brings new fields at an upgrade, takes them back, and leaves every pipeline in place at its end", async () => {
    const notes = await release("install", RELEASE, CHART, "--create-namespace", "--set", IMAGE);
    expect(notes).toContain(`kubectl -n ${NAMESPACE} rollout status deployment/${RELEASE}`);
    await untilEstablished();
    await apply(pipeline("shop", "default"));
    const uid = await field("rp/shop", ".metadata.uid");
    const pods = () => field(`deployment/${RELEASE}`, ".metadata.generation", "-n", NAMESPACE);
    const [before, next] = [await pods(), nextChart(folder, "0.2.0")];
    const withNewField = pipeline("shop", "default", { [NEW_FIELD]: 10 });
    await expect(apply(withNewField, "--validate=strict")).rejects.toThrow(`spec.objectives.${NEW_FIELD}`);

    await release("upgrade", RELEASE, next, "--set", IMAGE);
    await eventually(
      () => apply(withNewField, "--validate=strict").then(String, String),
      (said) => said.includes("configured"),
    );
    expect(await field("rp/shop", `.metadata.uid}{.spec.objectives.${NEW_FIELD}`)).toBe(`${uid}10`);
    // The same image: whatever else the chart brought, no operator pod is replaced.
    expect(await pods()).toBe(before);

    await release("rollback", RELEASE, "1");
    await eventually(
      () => field("rp/shop", `.spec.objectives.${NEW_FIELD}`),
      (kept) => kept === "",
    );
    expect(await field("rp/shop", ".metadata.uid")).toBe(uid);

    expect(await release("uninstall", RELEASE)).toContain("recommenderpipelines.productmatcher.dev");
    expect(await field("rp/shop", ".metadata.uid")).toBe(uid);
    const kinds = "deploy,svc,sa,pdb,netpol,role,rolebinding,clusterrole,clusterrolebinding";
    expect(await on("get", kinds, "-A", "-l", `app.kubernetes.io/instance=${RELEASE}`, "-o", "name")).toBe("");
  });

  test("takes its definition back; one of another name says how", async () => {
    await release("install", RELEASE, CHART);
    await release("uninstall", RELEASE);
    await expect(release("install", "other", CHART)).rejects.toThrow("invalid ownership metadata");
    await release("install", "other", CHART, "--take-ownership");
    expect(await field(CRD, ".metadata.annotations.meta\\.helm\\.sh/release-name")).toBe("other");
    // Somebody else looks after it from now on.
    await release("upgrade", "other", CHART, "--set", "crd.install=false");
    expect(await field("rp/shop", ".metadata.name")).toBe("shop");
    await release("uninstall", "other");
    expect(await field("rp/shop", ".metadata.name")).toBe("shop");
  });

  test.for([
    { name: "named namespaces", namespaces: ["shop"] },
    { name: "all namespaces", namespaces: [] },
  ])("gives the operator the rights that it needs, and no other: $name", async ({ namespaces }) => {
    const values = ["--set-json", `namespaces=${JSON.stringify(namespaces)}`, "--take-ownership"];
    for (const name of ["shop", "elsewhere"]) await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await release("install", RELEASE, CHART, ...values);
    onTestFinished(async () => {
      await release("uninstall", RELEASE);
    });
    await untilEstablished();
    const account = `system:serviceaccount:${NAMESPACE}:${RELEASE}`;
    const may = (verb: string, what: string, namespace: string) => canI(account, verb, what, namespace);
    expect(await may("patch", "deployments", "shop")).toBe(true);
    expect(await may("patch", "deployments", "elsewhere")).toBe(namespaces.length === 0);
    for (const what of ["secrets", "pods/exec", "clusterroles", "customresourcedefinitions"]) {
      expect(await may("get", what, "shop")).toBe(false);
    }

    const operator = await startOperatorProcess({
      ...{ plane, namespaces, kubeconfig: await kubeconfigOfAccount(account) },
      args: ["--operator-namespace", NAMESPACE],
    });
    onTestFinished(async () => {
      await operator.stop();
    });
    await apply(pipeline("own", "shop"));
    onTestFinished(async () => {
      await on("delete", "rp", "own", "-n", "shop");
    });
    await on("wait", "rp/own", "-n", "shop", "--for=condition=ConfigurationValid", "--timeout=60s");
    await on("wait", "-n", "shop", "job", "-l", "app.kubernetes.io/part-of=own", "--for=create", "--timeout=60s");
    expect(operator.log()).not.toMatch(/forbidden/i);
  });

  test("makes the demo's pipeline once, leaves it alone at an upgrade, and takes it along at its end", async () => {
    // As on a cluster that has never seen the product.
    await on("delete", CRD, "--ignore-not-found");
    const notes = await release("install", RELEASE, CHART, "--create-namespace", "--set", "demo.enabled=true");
    expect(notes).toContain("not for production");
    expect(notes).toContain(`port-forward service/${RELEASE}-demo-shop 8081:80`);
    const found = () => field("rp/demo", ".metadata.uid}{.spec.serving.replicas}{.spec.paused", "-n", NAMESPACE);
    await on("scale", "rp/demo", "--replicas=3", "-n", NAMESPACE);
    const before = await found();
    expect(before).toMatch(/3false$/);
    await release("upgrade", RELEASE, CHART, "--set", "demo.enabled=true");
    expect(await found()).toBe(before);
    await release("uninstall", RELEASE);
    expect(await on("get", "rp,deploy,svc,secret", "-n", NAMESPACE, "-o", "name")).toBe("");
  });

  test("lets the cluster's editors write pipelines, and its viewers see them", async () => {
    await release("install", RELEASE, CHART, "--take-ownership");
    for (const [user, role] of [
      ["ann", "edit"],
      ["bob", "view"],
    ]) {
      await on(
        "create",
        "rolebinding",
        `${user}-may-${role}`,
        `--clusterrole=${role}`,
        `--user=${user}`,
        "-n",
        "default",
      );
    }
    const may = (user: string, verb: string, what: string) => canI(user, verb, what, "default");
    const pipelines = "recommenderpipelines.productmatcher.dev";
    // Roles are aggregated by a controller.
    await eventually(
      () => may("ann", "create", pipelines),
      (granted) => granted,
    );
    expect(await may("ann", "patch", `${pipelines}/scale`)).toBe(true);
    expect(await may("ann", "patch", `${pipelines}/status`)).toBe(false);
    expect(await may("bob", "list", pipelines)).toBe(true);
    expect(await may("bob", "get", `${pipelines}/scale`)).toBe(true);
    expect(await may("bob", "patch", pipelines)).toBe(false);
  });
});

/** @param what `resource` or `resource/subresource` */
async function canI(who: string, verb: string, what: string, namespace: string): Promise<boolean> {
  const [resource = "", subresource] = what.split("/");
  const more = subresource === undefined ? [] : [`--subresource=${subresource}`];
  // With "no" kubectl ends with 1.
  const said = await on("auth", "can-i", verb, resource, ...more, "-n", namespace, "--as", who).catch(
    ({ stdout }: { stdout: string }) => stdout,
  );
  expect(said.trim()).toMatch(/^(yes|no)/);
  return said.startsWith("yes");
}

/** As the operator's pod would be: by a token of its account. */
async function kubeconfigOfAccount(account: string): Promise<string> {
  const [, , namespace = "", name = ""] = account.split(":");
  const token = (await on("create", "token", name, "-n", namespace)).trim();
  const config = JSON.parse(readFileSync(kubeconfigOf(plane), "utf8"));
  const path = join(folder, `${name}.kubeconfig`);
  writeFileSync(path, JSON.stringify({ ...config, users: [{ ...config.users[0], user: { token } }] }));
  return path;
}
