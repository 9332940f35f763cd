/** A storm of changes while everything around fails: in the end every pipeline has exactly what it should have. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { type ControlPlane, kubeconfigOf, kubectl, startControlPlane } from "../../test/api-server/control-plane.ts";
import { startKubelet } from "../../test/api-server/kubelet.ts";
import { installOperator, startOperatorProcess, type TestOperator } from "../../test/api-server/operator.ts";
import { HEALTHY } from "../../test/api-server/pipelines.ts";
import { startProxy, type TestProxy } from "../../test/api-server/proxy.ts";
import { recordWrites } from "../../test/api-server/recorder.ts";
import { connect, describeApiServer, eventually } from "../../test/api-server/suite.ts";
import { pipelineResource, planFor, SETTINGS, type Spec } from "../../test/fixtures/pipelines.ts";
import { type ApiServer, difference, type KubeObject, pathOf } from "../runtime/index.ts";
import { allChildren, type Plan } from "./compile.ts";
import { PIPELINE, STANDARD_KINDS } from "./kinds.ts";
import { MANAGER, ownerUid } from "./names.ts";

const run = promisify(execFile);

const NAMESPACE = "default";
const PIPELINES = 6;
const KILLS = 50;
const WITHOUT_EXTRAS = { gatewayApi: false, keda: false };
/** As the operator processes are started. */
const OPERATED = { ...SETTINGS, operatorNamespace: NAMESPACE };

async function stormyPlane() {
  const own = await startControlPlane();
  onTestFinished(() => own.remove());
  await installOperator(own);
  const admin = () => connect({ kubeconfig: kubeconfigOf(own) });
  const kubelet = await startKubelet(admin(), [NAMESPACE], (role) => HEALTHY[role] ?? null);
  onTestFinished(() => kubelet.stop());
  const proxy = await startProxy(own);
  onTestFinished(() => proxy.close());
  return { own, admin, proxy };
}

/** An operator that is started again whenever it ends, as a Deployment does: killed, or because it lost its lease. */
async function keepOne(own: ControlPlane, proxy: TestProxy) {
  const args = ["--lease-seconds", "2"];
  const start = () => startOperatorProcess({ plane: own, namespaces: [NAMESPACE], args, server: proxy.address });
  let running: TestOperator = await start();
  let wanted = true;
  let starts = 1;
  const kept = (async () => {
    while (wanted) {
      await running.exited;
      if (!wanted) return;
      running = await start();
      starts += 1;
    }
  })();
  return {
    starts: () => starts,
    kill: () => void running.stop("SIGKILL"),
    async stop() {
      wanted = false;
      await running.stop("SIGKILL");
      await kept;
    },
  };
}

/** A valid spec of every kind of change. */
function anySpec(random: () => number): Partial<Spec> {
  const whole = (max: number) => Math.floor(random() * max);
  return {
    ...(random() < 0.5 ? { collector: { replicas: whole(3) } } : {}),
    serving: {
      replicas: whole(3),
      sessionMinutes: 60 + whole(3),
      ...(random() < 0.3 ? { autoscaling: { maxReplicas: 5 } } : {}),
      rules: [{ name: "r", type: "Filter", items: `item.stock > ${whole(50)}` }],
    },
    training: { lookbackDays: 10 + whole(3) },
    networkPolicies: random() < 0.5 ? "None" : "Ingress",
    deletionPolicy: random() < 0.3 ? "Delete" : "Retain",
    ...(random() < 0.1 ? { catalog: { attributes: [{ name: `a${whole(3)}`, type: "String" }] } } : {}),
  };
}

async function applySpec(api: ApiServer, name: string, spec: Partial<Spec>): Promise<void> {
  const { apiVersion, kind, spec: whole } = pipelineResource(spec, name, NAMESPACE);
  await api.request({
    method: "PATCH",
    path: pathOf(PIPELINE, NAMESPACE, name),
    query: { fieldManager: "person", force: true },
    contentType: "application/apply-patch+yaml",
    body: { apiVersion, kind, metadata: { name, namespace: NAMESPACE }, spec: whole },
  });
}

async function list(api: ApiServer, kind: (typeof STANDARD_KINDS)[number]): Promise<KubeObject[]> {
  const { items } = await api.request<{ items: KubeObject[] }>({ method: "GET", path: pathOf(kind, NAMESPACE) });
  return items.map((item) => ({ ...item, kind: kind.kind }));
}

/** What is not as it should be, of all pipelines. */
async function amiss(api: ApiServer): Promise<string[]> {
  const live = (await Promise.all(STANDARD_KINDS.map((kind) => list(api, kind)))).flat();
  const resources = await list(api, PIPELINE);
  return resources.flatMap((resource) => {
    const plan: Plan = planFor({ ...resource, kind: PIPELINE.kind }, WITHOUT_EXTRAS, OPERATED);
    const mine = live.filter((object) => ownerUid(object) === resource.metadata.uid);
    const name = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;
    const wanted = allChildren(plan).map(({ object }) => object);
    return [
      ...wanted.flatMap((object) => {
        const found = mine.find((candidate) => name(candidate) === name(object));
        if (found === undefined) return [`${name(object)} is missing`];
        const where = object.kind === "Job" ? null : difference(object, found, MANAGER);
        return where === null ? [] : [`${name(object)} differs at ${where}`];
      }),
      ...mine
        .filter((object) => !wanted.some((child) => name(child) === name(object)))
        .map((object) => `${name(object)} is too much`),
      ...readiness(resource),
    ];
  });
}

function readiness({ metadata, status }: KubeObject): string[] {
  const { conditions = [], observedGeneration } = status as {
    conditions?: { type: string; status: string; reason: string }[];
    observedGeneration?: number;
  };
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready?.status === "True" && observedGeneration === metadata.generation) return [];
  return [`${metadata.name} is ${ready?.status} ${ready?.reason} at ${observedGeneration} of ${metadata.generation}`];
}

describeApiServer("in the end every pipeline has exactly its children", () => {
  test("after two operators were killed fifty times in a storm of changes, behind a failing API server", async () => {
    const { own, admin, proxy } = await stormyPlane();
    const recorder = await recordWrites(admin(), STANDARD_KINDS, NAMESPACE);
    onTestFinished(() => recorder.stop());
    proxy.refuse = ({ url }) => {
      if (Math.random() > 0.05 || url.includes("/leases")) return null;
      return [429, 500, 503, "cut" as const][Math.floor(Math.random() * 4)] ?? null;
    };
    const operators = await Promise.all([keepOne(own, proxy), keepOne(own, proxy)]);
    onTestFinished(async () => {
      await Promise.all(operators.map((operator) => operator.stop()));
    });

    const names = Array.from({ length: PIPELINES }, (_, index) => `shop-${index}`);
    let stormy = true;
    const storm = (async () => {
      const api = admin();
      while (stormy) {
        const name = names[Math.floor(Math.random() * names.length)] ?? "shop-0";
        // The API server is away for a moment too.
        await applySpec(api, name, anySpec(Math.random)).catch(() => {});
        if (Math.random() < 0.1) {
          const kind = STANDARD_KINDS.filter(({ plural }) => plural !== "jobs")[Math.floor(Math.random() * 9)];
          await kubectl(own, [
            "-n",
            NAMESPACE,
            "delete",
            kind?.plural ?? "configmaps",
            "-l",
            "app.kubernetes.io/part-of=shop-1",
            "--wait=false",
          ]).catch(() => "");
        }
        await sleep(30);
      }
    })();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const operator = operators[Math.floor(Math.random() * 2)];
      const before = operator?.starts() ?? 0;
      await sleep(Math.random() * 1_200);
      operator?.kill();
      await eventually(
        () => operator?.starts() ?? 0,
        (starts) => starts > before,
      );
      if (kill % 5 === 0) proxy.cutWatches();
      if (kill === 15) await own.restartApiServer();
      if (kill === 30) await compact(own);
    }
    stormy = false;
    await storm;
    for (const name of names) await applySpec(admin(), name, { ...anySpec(Math.random), serving: { replicas: 1 } });
    proxy.refuse = () => null;
    proxy.cutWatches();

    const api = admin();
    await eventually(
      () => amiss(api),
      (found) => found.length === 0,
      300_000,
    );
    expect(recorder.versions()).toBeGreaterThan(PIPELINES * 20);
    expect(recorder.idle()).toEqual([]);
  }, 1_200_000);
});

async function compact({ etcdPort }: ControlPlane): Promise<void> {
  const status = await run("curl", ["-sf", `http://127.0.0.1:${etcdPort}/v3/maintenance/status`, "-d", "{}"]);
  const { header } = JSON.parse(status.stdout) as { header: { revision: string } };
  const body = JSON.stringify({ revision: header.revision, physical: true });
  await run("curl", ["-sf", `http://127.0.0.1:${etcdPort}/v3/kv/compaction`, "-d", body]);
}
