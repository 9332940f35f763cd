/**
 * What an installation goes through, on real pods: from an image to a recommendation, through changes, failures and
 * upgrades, to an empty cluster.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { PipelineStatus } from "../../crds/index.ts";
import { PIPELINE } from "../../operator/pipeline/kinds.ts";
import {
  ApiError,
  type ApiServer,
  connectApiServer,
  isNotFound,
  kubeconfigAccess,
  pathOf,
} from "../../operator/runtime/index.ts";
import { Random } from "../../services/simulation/random.ts";
import { eventually as eventuallyIn } from "../fixtures/eventually.ts";
import { type Broker, startBroker } from "../kafka/broker.ts";
import { type FrontProcess, startFrontProcess } from "../kafka/front-process.ts";
import { CALLER, callerPod, callsDuring } from "./caller.ts";
import { CREDENTIALS, MIN_EVENTS, NAMESPACE, pipeline, rowsOf, secret, visits } from "./shop.ts";
import { step } from "./steps.ts";
import { findTarget, type Images, type Target } from "./target.ts";

const CHART = fileURLToPath(new URL("../../charts/productmatcher", import.meta.url));
const SYSTEM = "productmatcher-story-system";
const RELEASE = "productmatcher";
const PATIENCE_MILLISECONDS = 240_000;
const LOOK_MILLISECONDS = 200;
/** Longer than the operator takes to look at every pipeline. */
const SETTLED_MILLISECONDS = 20_000;
const KILLS = 8;
const KILL_EVERY_MILLISECONDS = 3_000;
/** What the documentation promises of a secret that is rotated. */
const ROTATED_WITHIN_MILLISECONDS = 90_000;

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

describe("ProductMatcher on a cluster", () => {
  let target: Target;
  let api: ApiServer;
  let images: Images;
  let broker: Broker;
  let clickhouse: FrontProcess;
  let before: Set<string>;
  let credentials = CREDENTIALS;

  const kubectl = (...args: string[]) => target.kubectl(args);
  const apply = (object: object) => target.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const servers = () => ({ kafka: broker.plaintext, clickhouse: clickhouse.url });
  const query = <Row>(sql: string) => rowsOf<Row>(clickhouse, credentials, sql);
  const through = (service: string, path: string) =>
    `/api/v1/namespaces/${NAMESPACE}/services/${service}:http/proxy${path}`;
  const track = (name: string, body: object) =>
    api.request({ method: "POST", path: through(`${name}-collector`, "/v1/track"), body });
  const recommended = async (name: string, user: string): Promise<string[]> => {
    const path = through(`${name}-recommender`, `/v1/recommendations/users/${user}`);
    const answer = await api.request<{ items: { item: string }[] }>({ method: "GET", path, query: { limit: 3 } });
    return answer.items.map(({ item }) => item);
  };
  const statusOf = async (name: string): Promise<PipelineStatus> => {
    const path = pathOf(PIPELINE, NAMESPACE, name);
    return (await api.request<{ status?: PipelineStatus }>({ method: "GET", path })).status ?? {};
  };
  const pods = async (selector: string, namespace = NAMESPACE): Promise<Pod[]> => {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    return (await api.request<{ items: Pod[] }>({ method: "GET", path, query: { labelSelector: selector } })).items;
  };
  /** Those that stay: no Job's. */
  const standing = (name: string) =>
    pods(`app.kubernetes.io/part-of=${name},app.kubernetes.io/component in (collector,consumer,recommender)`);
  const ready = (name: string) =>
    kubectl("-n", NAMESPACE, "wait", `rp/${name}`, "--for=condition=Ready", "--timeout=240s");
  const install = (word: "install" | "upgrade", ...values: string[]) =>
    target.helm([
      ...[word, RELEASE, CHART, "--namespace", SYSTEM, "--wait", "--timeout", "240s"],
      ...["resources.requests.cpu=20m", `image.repository=${repositoryOf(images.first)}`, ...values].flatMap(
        (value) => ["--set", value],
      ),
    ]);

  const ROLES = ["collector", "consumer", "recommender"] as const;
  const podsOf = (name: string, role: string) =>
    pods(`app.kubernetes.io/part-of=${name},app.kubernetes.io/component=${role}`);
  const othersThan = async (role: string) =>
    (await standing("storefront")).filter(({ metadata }) => metadata.labels["app.kubernetes.io/component"] !== role);
  const patch = (name: string, spec: object | null, more: object = {}) =>
    kubectl(
      "-n",
      NAMESPACE,
      "patch",
      "rp",
      name,
      "--type=merge",
      "--patch",
      JSON.stringify({ spec: { ...spec, ...more } }),
    );
  /** So many pods, all of them ready, and none that is on its way out. */
  const rolledOut = (name: string, role: string, count: number) =>
    eventually(
      () => podsOf(name, role),
      (list) => list.length === count && list.every(isReady),
    );
  const replaced = (name: string, role: string, old: readonly Pod[]) =>
    eventually(
      () => podsOf(name, role),
      (list) => list.length === old.length && list.every(isReady) && !uids(list).some((uid) => uids(old).includes(uid)),
    );
  const resource = (name: string) =>
    api
      .request<{ metadata: { finalizers?: string[] } }>({ method: "GET", path: pathOf(PIPELINE, NAMESPACE, name) })
      .catch(nullWhenGone);
  const databases = async () =>
    (
      await query<{ name: string }>(
        `SELECT name FROM system.databases WHERE name LIKE '${databaseOf("%")}' ORDER BY name`,
      )
    ).map(({ name }) => name);
  const objectsOf = async (name: string) =>
    (
      await kubectl(
        "-n",
        NAMESPACE,
        "get",
        "all,cm,sa,pdb,netpol,hpa,ingress",
        "-l",
        `app.kubernetes.io/part-of=${name}`,
        "-o",
        "name",
      )
    )
      .split("\n")
      .filter(Boolean);

  beforeAll(async () => {
    target = await findTarget();
    const config = new KubeConfig();
    config.loadFromFile(target.kubeconfig);
    api = connectApiServer(kubeconfigAccess(config), { userAgent: "story", now: Date.now });
    [broker, clickhouse] = await Promise.all([
      startBroker({ host: target.host }),
      startFrontProcess({ host: target.host, credentials: CREDENTIALS }),
    ]);
    await removeNamespaces();
    for (const namespace of [SYSTEM, NAMESPACE]) {
      const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
      await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } });
      // What each namespace is given of its own.
      const given = ["serviceaccount/default", "configmap/kube-root-ca.crt"];
      await kubectl("-n", namespace, "wait", ...given, "--for=create", "--timeout=60s");
    }
    before = await everything();
  }, 1_800_000);

  afterAll(async () => {
    if (api !== undefined) await removeNamespaces();
    api?.close();
    await clickhouse?.remove();
    await broker?.remove();
    await target?.leave();
  }, 300_000);

  step(
    "the image is built",
    async () => {
      images = await target.images();
      return images.first;
    },
    1_800,
  );

  step("helm install", async () => {
    await install("install", `image.tag=${tagOf(images.first)}`);
  });

  step("kubectl apply of a pipeline, until it is Ready", async () => {
    await apply(secret(credentials));
    await apply(pipeline("storefront", servers()));
    await ready("storefront");
  });

  step("activity to the collector's Service; the first training runs", async () => {
    const sent = visits(Date.now());
    expect(sent.length).toBeGreaterThan(MIN_EVENTS);
    for (const visit of sent) await track("storefront", visit);
    await eventually(
      async () => (await statusOf("storefront")).conditions?.find(({ type }) => type === "ModelReady"),
      (found) => found?.status === "True",
    );
    await kubectl("-n", NAMESPACE, "wait", "job/storefront-trainer-first", "--for=condition=Complete", "--timeout=60s");
  });

  step("a recommendation from the Service, which a click changes", async () => {
    const first = await recommended("storefront", "ann");
    await track("storefront", { event: "click", userId: "ann", itemId: "desk" });
    const began = performance.now();
    await eventually(
      () => recommended("storefront", "ann"),
      (items) => items.slice(0, 2).sort().join() === "bulb,lamp",
      30_000,
    );
    return `${first} -> ${await recommended("storefront", "ann")} in ${Math.round(performance.now() - began)} ms`;
  });

  step("kubectl scale", async () => {
    await kubectl("-n", NAMESPACE, "scale", "rp/storefront", "--replicas=3");
    await rolledOut("storefront", "recommender", 3);
    await kubectl("-n", NAMESPACE, "scale", "rp/storefront", "--replicas=2");
    await rolledOut("storefront", "recommender", 2);
  });

  step("autoscaling: an HPA that finds its pods, and its end", async () => {
    const scale = (autoscaling: object | null) => patch("storefront", { serving: { autoscaling } });
    const path = `/apis/autoscaling/v2/namespaces/${NAMESPACE}/horizontalpodautoscalers/storefront-recommender`;
    const look = () => api.request<Autoscaler>({ method: "GET", path }).catch(nullWhenGone);
    await scale({ maxReplicas: 4, targetCPUPercent: 80 });
    const able = await eventually(look, (found) =>
      (found?.status.conditions ?? []).some(({ type, status }) => type === "AbleToScale" && status === "True"),
    );
    expect(able?.spec).toMatchObject({ minReplicas: 2, maxReplicas: 4 });
    await scale(null);
    await eventually(look, (found) => found === null);
    await rolledOut("storefront", "recommender", 2);
  });

  step("a rolling change of the spec, no call fails", async () => {
    await apply(callerPod(NAMESPACE, images.first, "storefront"));
    await kubectl("-n", NAMESPACE, "wait", `pod/${CALLER}`, "--for=condition=Ready", "--timeout=60s");
    const [old, others] = [await podsOf("storefront", "recommender"), await othersThan("recommender")];
    const calls = await callsDuring(api, NAMESPACE, async () => {
      await patch("storefront", { serving: { sessionMinutes: 60 } });
      await replaced("storefront", "recommender", old);
    });
    expect(calls.failures).toEqual([]);
    expect(calls.recommendations).toBeGreaterThan(100);
    expect(uids(await othersThan("recommender"))).toEqual(uids(others));
    return `${calls.recommendations} recommendations, ${calls.events} events`;
  });

  step("pods are killed at random: all that was acknowledged is stored", async () => {
    const random = new Random(1);
    const calls = await callsDuring(api, NAMESPACE, async () => {
      for (let kill = 0; kill < KILLS; kill += 1) {
        const running = await standing("storefront");
        const { name } = random.pick(running).metadata;
        await kubectl("-n", NAMESPACE, "delete", "pod", name, "--grace-period=0", "--force", "--wait=false");
        await sleep(KILL_EVERY_MILLISECONDS);
      }
      for (const role of ROLES) await rolledOut("storefront", role, 2);
      await ready("storefront");
    });
    const { acknowledged } = calls;
    const stored = () => query<{ stored: string }>(storedOf("storefront", "caller"));
    await eventually(stored, ([row]) => Number(row?.stored) >= acknowledged);
    return `${KILLS} of them; ${calls.recommendations + calls.events} calls, ${calls.failures.length} failed`;
  });

  step("the node is drained by evictions, which the budgets hold up; no call fails", async () => {
    let refused = 0;
    const evict = async ({ metadata: { name } }: Pod, namespace: string) => {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
      const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
      for (;;) {
        try {
          return void (await api.request({ method: "POST", path, body }));
        } catch (error) {
          if (!(error instanceof ApiError) || error.code !== 429) throw error;
          refused += 1;
          await sleep(LOOK_MILLISECONDS);
        }
      }
    };
    const calls = await callsDuring(api, NAMESPACE, async () => {
      const operators = await pods("app.kubernetes.io/name=productmatcher-operator", SYSTEM);
      expect(operators.length).toBe(2);
      for (const pod of operators) await evict(pod, SYSTEM);
      for (const pod of await standing("storefront")) await evict(pod, NAMESPACE);
      for (const role of ROLES) await rolledOut("storefront", role, 2);
      await ready("storefront");
    });
    expect(calls.failures).toEqual([]);
    expect(refused).toBeGreaterThan(0);
    return `refused ${refused} times; ${calls.recommendations + calls.events} calls`;
  });

  step("a secret is rotated: in use without a restart", async () => {
    const old = await standing("storefront");
    credentials = { ...CREDENTIALS, password: "second" };
    await apply(secret(credentials));
    await clickhouse.setCredentials(credentials);
    const began = performance.now();
    await track("storefront", { event: "view", userId: "rotated", itemId: "desk" });
    const stored = () => query<{ stored: string }>(storedOf("storefront", "rotated"));
    await eventually(stored, ([row]) => row?.stored === "1", ROTATED_WITHIN_MILLISECONDS);
    const seconds = (performance.now() - began) / 1_000;
    await ready("storefront");
    const now = await standing("storefront");
    expect(uids(now)).toEqual(uids(old));
    expect(restartsOf(now)).toBe(0);
    return `after ${seconds.toFixed(0)} s`;
  });

  step("helm upgrade with the same image: no pod of a pipeline is touched", async () => {
    await apply(pipeline("second", servers()));
    await ready("second");
    const old = [...(await standing("storefront")), ...(await standing("second"))];
    await install("upgrade", `image.tag=${tagOf(images.first)}`, "podLabels.story=upgraded");
    await sleep(SETTLED_MILLISECONDS);
    const now = [...(await standing("storefront")), ...(await standing("second"))];
    expect(uids(now)).toEqual(uids(old));
    expect(restartsOf(now)).toBe(0);
  });

  step(
    "helm upgrade with a new image: pipelines follow one at a time, no call fails",
    async () => {
      const next = images.next;
      /** Some of its pods have the new image, and not all do yet. */
      const rolls = (list: readonly Pod[]) => {
        const having = list.filter(({ spec }) => spec.containers[0]?.image === next);
        return having.length > 0 && (having.length < list.length || !list.every(isReady));
      };
      let most = 0;
      const calls = await callsDuring(api, NAMESPACE, async () => {
        await install("upgrade", `image.tag=${tagOf(next)}`, "maxRollouts=1");
        await eventually(
          async () => [await standing("storefront"), await standing("second")],
          (both) => {
            most = Math.max(most, both.filter(rolls).length);
            return both.every((list) => list.every(({ spec }) => spec.containers[0]?.image === next) && !rolls(list));
          },
          2 * PATIENCE_MILLISECONDS,
        );
        for (const name of ["storefront", "second"]) await ready(name);
      });
      expect(most).toBe(1);
      expect(calls.failures).toEqual([]);
      return `${calls.recommendations + calls.events} calls`;
    },
    900,
  );

  step("deletion with deletionPolicy: Delete takes the data too", async () => {
    expect(await databases()).toEqual([databaseOf("second"), databaseOf("storefront")]);
    await patch("second", null, { deletionPolicy: "Delete" });
    await eventually(
      async () => (await resource("second"))?.metadata.finalizers ?? [],
      (finalizers) => finalizers.length > 0,
    );
    await kubectl("-n", NAMESPACE, "delete", "rp", "second", "--timeout=240s");
    await eventually(
      () => objectsOf("second"),
      (left) => left.length === 0,
    );
    expect(await databases()).toEqual([databaseOf("storefront")]);
  });

  step("deletion with deletionPolicy: Retain leaves the data", async () => {
    await kubectl("-n", NAMESPACE, "delete", "pod", CALLER);
    await kubectl("-n", NAMESPACE, "delete", "rp", "storefront", "--timeout=60s");
    await eventually(
      () => objectsOf("storefront"),
      (left) => left.length === 0,
    );
    expect(await databases()).toEqual([databaseOf("storefront")]);
  });

  step("helm uninstall: nothing is left but the definition", async () => {
    await target.helm(["uninstall", RELEASE, "--namespace", SYSTEM, "--wait", "--timeout", "120s"]);
    await kubectl("-n", NAMESPACE, "delete", "secret", "clickhouse");
    const left = await eventually(
      async () => [...(await everything())].filter((object) => !before.has(object)),
      (objects) => objects.every((object) => object.startsWith("CustomResourceDefinition ")),
    );
    return left.join(", ");
  });

  async function removeNamespaces(): Promise<void> {
    const gone = ["--ignore-not-found", "--timeout=240s"];
    await target.helm(["uninstall", RELEASE, "--namespace", SYSTEM, "--ignore-not-found", "--wait"]);
    await kubectl("delete", "namespace", NAMESPACE, SYSTEM, ...gone);
  }

  /** Kind, namespace and name of every object of the cluster that has to do with us. */
  async function everything(): Promise<Set<string>> {
    const kinds = (await kubectl("api-resources", "--verbs=list", "-o", "name")).trim().split("\n");
    const lasting = kinds.filter((kind) => !/^(events|componentstatuses)\b/.test(kind)).join();
    const columns = "custom-columns=:.kind,:.metadata.namespace,:.metadata.name";
    const listed = await kubectl("get", lasting, "-A", "--ignore-not-found", "--no-headers", "-o", columns);
    const lines = listed.split("\n").map((line) => line.trim().split(/\s+/).join(" "));
    return new Set(lines.filter((line) => line.includes("productmatcher")));
  }
});

interface Autoscaler {
  readonly spec: { readonly minReplicas: number; readonly maxReplicas: number };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function nullWhenGone(error: unknown): null {
  if (isNotFound(error)) return null;
  throw error;
}

function uids(list: readonly Pod[]): string[] {
  return list.map(({ metadata }) => metadata.uid).sort();
}

function isReady({ metadata, status }: Pod): boolean {
  const isTrue = status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
  return isTrue && metadata.deletionTimestamp === undefined;
}

function restartsOf(list: readonly Pod[]): number {
  return list
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
}

function databaseOf(name: string): string {
  return `${NAMESPACE}_${name}`.replaceAll("-", "_");
}

function storedOf(name: string, user: string): string {
  return `SELECT toString(uniqExact(event_id)) AS stored FROM ${databaseOf(name)}.events WHERE user_id = '${user}'`;
}

function tagOf(image: string): string {
  return image.slice(image.lastIndexOf(":") + 1);
}

function repositoryOf(image: string): string {
  return image.slice(0, image.lastIndexOf(":"));
}

/** As patiently as pods on a busy machine need. */
function eventually<Value>(
  look: () => Value | Promise<Value>,
  wanted: (value: Value) => boolean,
  timeoutMilliseconds = PATIENCE_MILLISECONDS,
): Promise<Value> {
  return eventuallyIn(look, wanted, timeoutMilliseconds, LOOK_MILLISECONDS);
}
