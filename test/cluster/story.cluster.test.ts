/**
 * What an installation goes through, on real pods: from an image to a recommendation, through changes, failures and
 * upgrades, to an empty cluster.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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
import { CHART, NEW_FIELD, nextChart } from "../chart/next-chart.ts";
import { eventually as eventuallyIn } from "../fixtures/eventually.ts";
import { type Broker, startBroker } from "../kafka/broker.ts";
import { type FrontProcess, startFrontProcess } from "../kafka/front-process.ts";
import { CALLER, callerPod, callsDuring } from "./caller.ts";
import { contentsOf, hasImage, isReady, type Pod, restartsOf, uids } from "./pods.ts";
import { commandsUnder } from "./readme.ts";
import {
  CREDENTIALS,
  databaseOf,
  MIN_EVENTS,
  type PipelineName,
  PLACES,
  rowsOf,
  SYSTEM,
  secret,
  serverServices,
  storedOf,
  storefront,
  visits,
} from "./shop.ts";
import { step } from "./steps.ts";
import { findTarget, missingForStory, type Target } from "./target.ts";

const NAMES = Object.keys(PLACES) as PipelineName[];
const NAMESPACE = PLACES.storefront;
const NAMESPACES = [SYSTEM, ...Object.values(PLACES)];
/** On what the story made, and may remove. */
const OURS = "productmatcher.dev/story";
const DEFINITION = "recommenderpipelines.productmatcher.dev";
const RELEASE = "productmatcher";
const PATIENCE_MILLISECONDS = 240_000;
const LOOK_MILLISECONDS = 200;
const KILLS = 8;
const KILL_EVERY_MILLISECONDS = 3_000;
/** How long a person may have to wait for a rotated secret. */
const ROTATED_WITHIN_MILLISECONDS = 90_000;

const missing = await missingForStory();
if (missing !== null) {
  if (process.env.CI === "true") throw new Error(`${missing}: docs/cluster.md`);
  console.error(`not run: ${missing}`);
}

describe.skipIf(missing !== null)("ProductMatcher on a cluster", () => {
  let target: Target;
  let api: ApiServer;
  let next: string;
  let folder: string;
  let broker: Broker;
  let clickhouse: FrontProcess;
  let before: Set<string>;
  /** Whether the names are free for the story. */
  let isChecked = false;
  let credentials = CREDENTIALS;

  const kubectl = (...args: string[]) => target.kubectl(args);
  const apply = (object: object) => target.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const servers = () => ({ kafka: broker.plaintext, clickhouse: new URL(clickhouse.url).host });
  const query = <Row>(sql: string) => rowsOf<Row>(clickhouse, credentials, sql);
  const through = (name: PipelineName, role: string, path: string) =>
    `/api/v1/namespaces/${PLACES[name]}/services/${name}-${role}:http/proxy${path}`;
  const track = (name: PipelineName, body: object) =>
    api.request({ method: "POST", path: through(name, "collector", "/v1/track"), body });
  const recommended = async (name: PipelineName, user: string): Promise<string[]> => {
    const path = through(name, "recommender", `/v1/recommendations/users/${user}`);
    const answer = await api.request<{ items: { item: string }[] }>({ method: "GET", path, query: { limit: 3 } });
    return answer.items.map(({ item }) => item);
  };
  const statusOf = async (name: PipelineName): Promise<PipelineStatus> => {
    const path = pathOf(PIPELINE, PLACES[name], name);
    return (await api.request<{ status?: PipelineStatus }>({ method: "GET", path })).status ?? {};
  };
  const pods = async (selector: string, namespace: string): Promise<Pod[]> => {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    return (await api.request<{ items: Pod[] }>({ method: "GET", path, query: { labelSelector: selector } })).items;
  };
  /** Those that stay: no Job's. */
  const standing = (name: PipelineName) =>
    pods(
      `app.kubernetes.io/part-of=${name},app.kubernetes.io/component in (collector,consumer,recommender)`,
      PLACES[name],
    );
  const allStanding = async () => (await Promise.all(NAMES.map(standing))).flat();
  const operators = () => pods("app.kubernetes.io/name=productmatcher-operator", SYSTEM);
  const ready = (name: PipelineName) =>
    kubectl("-n", PLACES[name], "wait", `rp/${name}`, "--for=condition=Ready", "--timeout=240s");
  const upgrade = (chart: string, ...values: string[]) =>
    target.helm([
      ...["upgrade", RELEASE, chart, "--namespace", SYSTEM, "--wait", "--timeout", "240s"],
      ...[`image.repository=${repositoryOf(target.image)}`, ...values].flatMap((value) => ["--set", value]),
    ]);
  /**
   * Operators of this image are all there are, and one of them has looked at every pipeline: each is given a spec of another
   * generation, which its status names once it was reconciled.
   *
   * @param modelAgeHours what no pod is told, and another one than before
   */
  const looksAtAll = async (image: string, modelAgeHours: number) => {
    await eventually(operators, (list) => list.length > 0 && list.every((pod) => hasImage(pod, image) && isReady(pod)));
    for (const name of NAMES) {
      await patch(name, { objectives: { modelAgeHours } });
      const asked = (await resource(name))?.metadata.generation ?? Infinity;
      await eventually(
        () => statusOf(name),
        ({ observedGeneration = 0 }) => observedGeneration >= asked,
      );
    }
  };

  const ROLES = ["collector", "consumer", "recommender"] as const;
  const podsOf = (name: PipelineName, role: string) =>
    pods(`app.kubernetes.io/part-of=${name},app.kubernetes.io/component=${role}`, PLACES[name]);
  const othersThan = async (role: string) =>
    (await standing("storefront")).filter(({ metadata }) => metadata.labels["app.kubernetes.io/component"] !== role);
  const patch = (name: PipelineName, spec: object, ...more: string[]) =>
    kubectl("-n", PLACES[name], "patch", "rp", name, "--type=merge", "--patch", JSON.stringify({ spec }), ...more);
  /** So many pods, all of them ready, and none that is on its way out. */
  const rolledOut = (name: PipelineName, role: string, count: number) =>
    eventually(
      () => podsOf(name, role),
      (list) => list.length === count && list.every(isReady),
    );
  const replaced = (name: PipelineName, role: string, old: readonly Pod[]) =>
    eventually(
      () => podsOf(name, role),
      (list) => list.length === old.length && list.every(isReady) && !uids(list).some((uid) => uids(old).includes(uid)),
    );
  const resource = (name: PipelineName) =>
    api
      .request<{ metadata: { generation: number; finalizers?: string[] } }>({
        method: "GET",
        path: pathOf(PIPELINE, PLACES[name], name),
      })
      .catch(nullWhenGone);
  const databases = async () => {
    const ours = NAMES.map((name) => `'${databaseOf(name)}'`);
    const sql = `SELECT name FROM system.databases WHERE name IN (${ours.join()}) ORDER BY name`;
    return (await query<{ name: string }>(sql)).map(({ name }) => name);
  };
  const objectsOf = async (name: PipelineName) => {
    const of = ["-n", PLACES[name], "-l", `app.kubernetes.io/part-of=${name}`];
    const listed = await kubectl("get", "all,cm,sa,pdb,netpol,hpa,ingress", ...of, "-o", "name");
    return listed.split("\n").filter(Boolean);
  };

  beforeAll(async () => {
    target = await findTarget();
    folder = mkdtempSync(join(tmpdir(), "productmatcher-story-"));
    const config = new KubeConfig();
    config.loadFromFile(target.kubeconfig);
    api = connectApiServer(kubeconfigAccess(config), { userAgent: "story", now: Date.now });
    [broker, clickhouse] = await Promise.all([
      startBroker({ host: target.host }),
      startFrontProcess({ host: target.host, credentials: CREDENTIALS }),
    ]);
    await checkNamespaces();
    isChecked = true;
    await removeNamespaces();
    for (const namespace of NAMESPACES) {
      // `kubectl run`, as the README has it, asks for no restriction.
      const level = namespace === PLACES.first ? "baseline" : "restricted";
      const labels = { "pod-security.kubernetes.io/enforce": level, [OURS]: "true" };
      await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } });
      // What each namespace is given of its own.
      const given = ["serviceaccount/default", "configmap/kube-root-ca.crt"];
      await kubectl("-n", namespace, "wait", ...given, "--for=create", "--timeout=60s");
    }
    await apply(serverServices(PLACES.first, servers()));
    before = await everything();
  }, 1_800_000);

  afterAll(async () => {
    try {
      if (isChecked) await removeNamespaces();
    } finally {
      api?.close();
      await Promise.allSettled([clickhouse?.remove(), broker?.remove()]);
      await target?.leave();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    }
  }, 900_000);

  step(
    "the README's commands, word for word: image, operator, a pipeline, a recommendation",
    async () => {
      const commands = commandsUnder("On Kubernetes", readFileSync("README.md", "utf8"));
      expect(await target.shell(commands, PLACES.first)).toMatch(/"items":\[\{"item":/);
    },
    1_800,
  );

  step("a pipeline in a restricted namespace, until it is Ready", async () => {
    await apply(secret("storefront", credentials));
    await apply(storefront(servers()));
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
    await apply(callerPod(NAMESPACE, target.image, "storefront"));
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
    const acknowledged = calls.acknowledged.map((number) => `call-${number}`);
    expect(acknowledged.length).toBeGreaterThan(0);
    const stored = () => query<{ stored: string }>(storedOf("storefront", "caller", acknowledged));
    await eventually(stored, ([row]) => Number(row?.stored) === acknowledged.length);
    return `${KILLS} of them; ${calls.recommendations + calls.events} calls, ${calls.failures.length} failed`;
  });

  step("the node is drained by evictions, which the budgets hold up; no call fails", async () => {
    let refused = 0;
    const evict = async ({ metadata: { name, namespace } }: Pod) => {
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
      const leading = await operators();
      expect(leading.length).toBe(2);
      for (const pod of [...leading, ...(await standing("storefront"))]) await evict(pod);
      for (const role of ROLES) await rolledOut("storefront", role, 2);
      await ready("storefront");
    });
    expect(calls.failures).toEqual([]);
    expect(refused).toBeGreaterThan(0);
    return `refused ${refused} times; ${calls.recommendations + calls.events} calls`;
  });

  step("a secret is rotated: in use without a restart", async () => {
    const old = await allStanding();
    credentials = { ...CREDENTIALS, password: "second" };
    for (const name of NAMES) await apply(secret(name, credentials));
    await clickhouse.setCredentials(credentials);
    const began = performance.now();
    await track("storefront", { event: "view", userId: "rotated", itemId: "desk" });
    const stored = () => query<{ stored: string }>(storedOf("storefront", "rotated"));
    await eventually(stored, ([row]) => row?.stored === "1", ROTATED_WITHIN_MILLISECONDS);
    const seconds = (performance.now() - began) / 1_000;
    for (const name of NAMES) await ready(name);
    const now = await allStanding();
    expect(uids(now)).toEqual(uids(old));
    expect(restartsOf(now)).toBe(0);
    return `after ${seconds.toFixed(0)} s`;
  });

  step("a new chart and operator, and back: no pod of a pipeline is touched", async () => {
    next = await target.nextImage();
    const old = await allStanding();
    const roles = `pipelineImage=${target.image}`;
    await upgrade(CHART, `image.tag=${tagOf(target.image)}`, roles);
    const withNewField = () =>
      patch("storefront", { objectives: { [NEW_FIELD]: 10 } }, "--dry-run=server", "-o", "yaml");
    expect(await withNewField()).not.toContain(NEW_FIELD);

    await upgrade(nextChart(folder, tagOf(next)), `image.tag=${tagOf(next)}`, roles);
    await looksAtAll(next, 1_001);
    await eventually(withNewField, (kept) => kept.includes(`${NEW_FIELD}: 10`));
    expect(uids(await allStanding())).toEqual(uids(old));

    await target.helm(["rollback", RELEASE, "--namespace", SYSTEM, "--wait", "--timeout", "240s"]);
    await looksAtAll(target.image, 1_002);
    await eventually(withNewField, (kept) => !kept.includes(NEW_FIELD));
    const now = await allStanding();
    expect(uids(now)).toEqual(uids(old));
    expect(restartsOf(now)).toBe(0);
    for (const name of NAMES) await ready(name);
  });

  step(
    "helm upgrade with a new image: pipelines follow one at a time, no call fails",
    async () => {
      const old = contentsOf(await allStanding());
      /** Some of its pods have the new image, and not all do yet. */
      const rolls = (list: readonly Pod[]) => {
        const having = list.filter((pod) => hasImage(pod, next));
        return having.length > 0 && (having.length < list.length || !list.every(isReady));
      };
      let most = 0;
      const calls = await callsDuring(api, NAMESPACE, async () => {
        await upgrade(CHART, `image.tag=${tagOf(next)}`, "maxRollouts=1");
        await eventually(
          () => Promise.all(NAMES.map(standing)),
          (both) => {
            most = Math.max(most, both.filter(rolls).length);
            return both.every((list) => list.every((pod) => hasImage(pod, next)) && !rolls(list));
          },
          2 * PATIENCE_MILLISECONDS,
        );
        for (const name of NAMES) await ready(name);
      });
      expect(most).toBe(1);
      expect(calls.failures).toEqual([]);
      const contents = contentsOf(await allStanding());
      expect([old.length, contents.length]).toEqual([1, 1]);
      expect(contents).not.toEqual(old);
      return `${calls.recommendations + calls.events} calls`;
    },
    900,
  );

  step("deletion with deletionPolicy: Delete takes the data too", async () => {
    expect(await databases()).toEqual([databaseOf("first"), databaseOf("storefront")]);
    await patch("first", { deletionPolicy: "Delete" });
    await eventually(
      async () => (await resource("first"))?.metadata.finalizers ?? [],
      (finalizers) => finalizers.length > 0,
    );
    await kubectl("-n", PLACES.first, "delete", "rp", "first", "--timeout=240s");
    await eventually(
      () => objectsOf("first"),
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
    for (const namespace of Object.values(PLACES)) await kubectl("-n", namespace, "delete", "secret", "clickhouse");
    // The definition, and the API that the server makes of it.
    const kept = /^(CustomResourceDefinition|APIService) /;
    const left = await eventually(
      async () => [...(await everything())].filter((object) => !before.has(object)),
      (objects) => objects.every((object) => kept.test(object)),
    );
    return left.join(", ");
  });

  /** A cluster that somebody named may have an installation of its own under the README's names. */
  async function checkNamespaces(): Promise<void> {
    const others = (await kubectl("get", "namespace", "-l", `!${OURS}`, "-o", "name")).split("\n");
    const taken = NAMESPACES.filter((name) => others.includes(`namespace/${name}`));
    if (taken.length === 0) return;
    throw new Error(
      `${taken.join(", ")}: not of an earlier run, and the story would remove them. Name another cluster.`,
    );
  }

  async function removeNamespaces(): Promise<void> {
    await removePipelines();
    await target.helm([
      "uninstall",
      RELEASE,
      "--namespace",
      SYSTEM,
      "--ignore-not-found",
      "--wait",
      "--timeout",
      "120s",
    ]);
    await kubectl("delete", "namespace", ...NAMESPACES, "--ignore-not-found", "--timeout=240s");
  }

  /** While there is an operator to clean up after them; where it does not, what they leave goes with their namespaces. */
  async function removePipelines(): Promise<void> {
    if ((await kubectl("get", "crd", DEFINITION, "--ignore-not-found", "-o", "name")) === "") return;
    for (const [name, place] of Object.entries(PLACES)) {
      const of = ["-n", place, "rp", name];
      await kubectl("delete", ...of, "--ignore-not-found", "--timeout=60s").catch(() =>
        kubectl("patch", ...of, "--type=merge", "--patch", '{"metadata":{"finalizers":null}}'),
      );
    }
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
