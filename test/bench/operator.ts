/**
 * `npm run bench:operator`: many pipelines on a real API server. Controllers are played by this program, which writes the
 * status of Jobs and Deployments, so that what is measured is the operator.
 *
 *   node test/bench/operator.ts [--pipelines 1000] [--rest-minutes 10] [--changes 200]
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import { DEPLOYMENT, JOB, PIPELINE } from "../../operator/pipeline/kinds.ts";
import { MANAGED_BY, pipelineKey } from "../../operator/pipeline/names.ts";
import {
  type ApiServer,
  connectApiServer,
  type KubeObject,
  kubeconfigAccess,
  pathOf,
  type ResourceKind,
  splitKey,
  startWatchCache,
  type WatchCache,
} from "../../operator/runtime/index.ts";
import { table } from "../../services/cli/output.ts";
import { kubeconfigOf, startControlPlane } from "../api-server/control-plane.ts";
import { installOperator, startOperatorProcess, type TestOperator } from "../api-server/operator.ts";
import { pipelineResource, type Spec } from "../fixtures/pipelines.ts";

const NAMESPACES = Array.from({ length: 10 }, (_, index) => `shops-${index}`);
/** As it is published: the types are taken out before, not at each start. */
const PROGRAM = "dist/services/cli/main.js";
/** As docs/operator.md says: without a limit V8 lets the heap grow as long as the machine has room. */
const ENVIRONMENT = { NODE_OPTIONS: "--max-old-space-size=160 --max-semi-space-size=8" };
const AT_A_TIME = 20;
const CLOCK_TICKS = 100;
const FAILING = 20;

const { values } = parseArgs({
  options: {
    pipelines: { type: "string", default: "1000" },
    "rest-minutes": { type: "string", default: "10" },
    changes: { type: "string", default: "200" },
  },
});
const count = Number(values.pipelines);
const rows: [string, string][] = [];
const tell = (what: string, value: string) => {
  rows.push([what, value]);
  console.error(`${what}: ${value}`);
};

execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
const plane = await startControlPlane({ controllers: false });
try {
  await installOperator(plane);
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigOf(plane));
  const api = connectApiServer(kubeconfigAccess(config), { userAgent: "bench", now: Date.now });
  const body = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  for (const name of NAMESPACES) await api.request({ method: "POST", path: "/api/v1/namespaces", body: body(name) });
  const deployments = playControllers(api);
  const operator = await startOperatorProcess({
    ...{ plane, namespaces: NAMESPACES, program: PROGRAM, environment: ENVIRONMENT },
  });
  const keys = Array.from({ length: count }, (_, index) => `${NAMESPACES[index % NAMESPACES.length]}/shop-${index}`);

  const began = performance.now();
  await inParallel(keys, (key) => put(api, key, {}));
  const created = performance.now();
  await until(async () => (await settledPipelines(api)) === count);
  tell("pipelines", `${count}, ${(await operator.get("/status")).text}`);
  tell("created in", `${((created - began) / 1000).toFixed(1)} s`);
  tell("converged after", `${((performance.now() - began) / 1000).toFixed(1)} s`);
  await quiet(operator);

  const before = await usage(operator);
  const minutes = Number(values["rest-minutes"]);
  await sleep(minutes * 60_000);
  const after = await usage(operator);
  const seconds = (after.at - before.at) / 1000;
  tell(`writes in ${minutes} min of rest`, String(after.writes - before.writes));
  tell("CPU at rest", `${(((after.cpuSeconds - before.cpuSeconds) / seconds) * 100).toFixed(2)} % of a core`);
  tell("memory at rest / at most", `${after.memoryMegabytes} MB / ${after.peakMegabytes} MB`);

  const changes = Number(values.changes);
  tell("one changed resource", summary(await changeOneByOne(api, keys, changes, deployments)));
  const failing = keys.slice(0, FAILING);
  await inParallel(failing, (key) =>
    put(api, key, { pods: { affinity: { nodeAffinity: { noSuchField: 1 } } } } as never),
  );
  const rest = keys.slice(FAILING);
  tell(`the same, while ${FAILING} others always fail`, summary(await changeOneByOne(api, rest, changes, deployments)));
  tell("memory at the end", `${(await usage(operator)).memoryMegabytes} MB`);
  await operator.stop();
  await deployments.stop();
  console.log(table(["OPERATOR", "MEASURED"], rows));
} finally {
  await plane.remove();
}
process.exit();

async function put(api: ApiServer, key: string, spec: Partial<Spec>): Promise<void> {
  const { namespace, name } = splitKey(key);
  const resource = pipelineResource({ collector: {}, ...spec }, name, namespace);
  await api.request({
    method: "PATCH",
    path: pathOf(PIPELINE, namespace, name),
    query: { fieldManager: "person", force: true },
    contentType: "application/apply-patch+yaml",
    body: { ...resource, metadata: { namespace, name } },
  });
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

/** Jobs succeed, Deployments are available, as soon as they are written. */
function playControllers(api: ApiServer): WatchCache {
  const follow = (kind: ResourceKind, statusOf: (object: KubeObject) => object | null) => {
    const cache = startWatchCache({
      ...{ api, kind, labelSelector: MANAGED_BY, random: Math.random, groupOf: pipelineKey, onTrouble: () => {} },
      onChange: ({ key }) => {
        const object = cache.store.get(key);
        const status = object === undefined ? null : statusOf(object);
        if (object === undefined || status === null) return;
        const path = pathOf(kind, object.metadata.namespace, object.metadata.name, "status");
        const contentType = "application/merge-patch+json";
        api.request({ method: "PATCH", path, contentType, body: { status } }).catch((error) => console.error(error));
      },
    });
    return cache;
  };
  follow(JOB, ({ status }) => {
    if ((status as { conditions?: unknown })?.conditions !== undefined) return null;
    const at = `${new Date().toISOString().slice(0, 19)}Z`;
    const conditions = ["SuccessCriteriaMet", "Complete"].map((type) => ({
      type,
      status: "True",
      lastTransitionTime: at,
    }));
    return { startTime: at, completionTime: at, succeeded: 1, conditions };
  });
  return follow(DEPLOYMENT, ({ metadata: { generation = 0 }, spec, status }) => {
    const { observedGeneration = 0 } = (status ?? {}) as { observedGeneration?: number };
    if (observedGeneration >= generation) return null;
    const { replicas = 1 } = spec as { replicas?: number };
    return {
      ...{ observedGeneration: generation, replicas, updatedReplicas: replicas },
      ...{ readyReplicas: replicas, availableReplicas: replicas },
    };
  });
}

async function settledPipelines(api: ApiServer): Promise<number> {
  interface Listed extends KubeObject {
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }
  const { items } = await api.request<{ items: Listed[] }>({ method: "GET", path: pathOf(PIPELINE) });
  return items.filter(({ status }) => {
    const conditions = status?.conditions ?? [];
    const serves = conditions.some(({ type, status: is }) => type === "ServingReady" && is === "True");
    return serves && !conditions.some(({ type }) => type === "Reconciling");
  }).length;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(500);
}

/** No write for ten seconds. */
async function quiet(operator: TestOperator): Promise<void> {
  let last = await usage(operator);
  for (;;) {
    await sleep(10_000);
    const now = await usage(operator);
    if (now.writes === last.writes) return;
    last = now;
  }
}

async function usage(operator: TestOperator) {
  const { text } = await operator.get("/metrics");
  const requests = [...text.matchAll(/^rest_client_requests_total\{method="(\w+)",code="\w+"\} (\d+)/gm)];
  // The renewal of the lease is a write of the process, not of its pipelines.
  const writes = requests.filter(([, method]) => method !== "GET" && method !== "PUT");
  const stat = readFileSync(`/proc/${operator.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const memory = readFileSync(`/proc/${operator.pid}/status`, "utf8");
  const megabytes = (field: string) => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(memory)?.[1]) / 1024);
  return {
    at: performance.now(),
    writes: writes.reduce((sum, [, , number]) => sum + Number(number), 0),
    cpuSeconds: (Number(stat[11]) + Number(stat[12])) / CLOCK_TICKS,
    memoryMegabytes: megabytes("VmRSS"),
    peakMegabytes: megabytes("VmHWM"),
  };
}

/** Milliseconds from a changed resource to its changed Deployment, for each of some resources. */
async function changeOneByOne(api: ApiServer, keys: readonly string[], changes: number, deployments: WatchCache) {
  const taken: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    const key = keys[Math.floor(Math.random() * keys.length)] ?? "";
    const child = `${key}-recommender`;
    const before = deployments.store.get(child)?.metadata.generation ?? 0;
    const began = performance.now();
    await put(api, key, { serving: { sessionMinutes: 1 + Math.floor(Math.random() * 10_000) } });
    while ((deployments.store.get(child)?.metadata.generation ?? 0) === before) await sleep(2);
    taken.push(performance.now() - began);
  }
  return taken.toSorted((a, b) => a - b);
}

function summary(sorted: readonly number[]): string {
  const at = (share: number) => Math.round(sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
