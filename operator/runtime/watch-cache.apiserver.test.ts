import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { kubeconfigOf, startControlPlane } from "../../test/api-server/control-plane.ts";
import { startProxy, type TestProxy } from "../../test/api-server/proxy.ts";
import {
  CONFIG_MAP,
  configMap,
  connect,
  create,
  describeApiServer,
  eventually,
  mergePatch,
  newNamespace,
  plane,
} from "../../test/api-server/suite.ts";
import type { ApiServer } from "./api-server.ts";
import { type KubeObject, pathOf } from "./kinds.ts";
import { type CacheChange, type CacheTrouble, startWatchCache, type WatchCacheOptions } from "./watch-cache.ts";

const run = promisify(execFile);

const proxies: TestProxy[] = [];

afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

function watching(options: Partial<WatchCacheOptions> & { readonly api: ApiServer }) {
  const changes: CacheChange[] = [];
  const troubles: CacheTrouble[] = [];
  const cache = startWatchCache({
    kind: CONFIG_MAP,
    labelSelector: "test=yes",
    onChange: (change) => changes.push(change),
    onTrouble: (trouble) => troubles.push(trouble),
    random: () => 0,
    ...options,
  });
  onTestFinished(() => cache.stop());
  return { cache, changes, troubles };
}

async function throughProxy() {
  const proxy = await startProxy(plane());
  proxies.push(proxy);
  return { proxy, api: connect({ kubeconfig: kubeconfigOf(plane(), "admin", proxy.address) }) };
}

const dataOf = (object: KubeObject | undefined) => object?.data;

describeApiServer("a watch cache", () => {
  test("holds what was there, in pages, and follows every change", async () => {
    const namespace = await newNamespace();
    const admin = connect();
    const names = Array.from({ length: 25 }, (_, index) => `c-${index}`);
    await Promise.all(names.map((name) => create(admin, CONFIG_MAP, configMap(namespace, name, { n: name }))));
    const { proxy, api } = await throughProxy();
    const { cache, changes } = watching({ api, namespace, pageSize: 10 });
    await cache.synced;
    expect([...cache.store.keys()].sort()).toEqual(names.map((name) => `${namespace}/${name}`).sort());
    expect(proxy.requests.filter(({ url }) => url.includes("continue=")).length).toBe(2);
    expect(changes.length).toBe(25);

    await create(admin, CONFIG_MAP, configMap(namespace, "new", { n: "new" }));
    await mergePatch(admin, CONFIG_MAP, namespace, "c-3", { data: { n: "changed" } });
    await admin.request({ method: "DELETE", path: pathOf(CONFIG_MAP, namespace, "c-4") });
    await eventually(
      () => cache.store.get(`${namespace}/c-4`),
      (object) => object === undefined,
    );
    expect(dataOf(cache.store.get(`${namespace}/c-3`))).toEqual({ n: "changed" });
    expect(dataOf(cache.store.get(`${namespace}/new`))).toEqual({ n: "new" });
    expect(cache.store.size).toBe(25);
  });

  test("goes on where it was after its connection is cut, without another list", async () => {
    const namespace = await newNamespace();
    const { proxy, api } = await throughProxy();
    const { cache, changes } = watching({ api, namespace });
    await cache.synced;
    for (const round of [1, 2, 3]) {
      await eventually(
        () => proxy.cutWatches(),
        (cut) => cut === 1,
      );
      await create(connect(), CONFIG_MAP, configMap(namespace, `c-${round}`));
      await eventually(
        () => cache.store.size,
        (size) => size === round,
      );
    }
    expect(proxy.requests.filter(({ isWatch }) => !isWatch).length).toBe(1);
    expect(changes.length).toBe(3);
  });

  test("survives refused lists and watches, and waits between them", async () => {
    const namespace = await newNamespace();
    const { proxy, api } = await throughProxy();
    const refusals: (number | "cut")[] = [503, 500, 429, "cut"];
    proxy.refuse = ({ isWatch }) => (isWatch ? null : (refusals.shift() ?? null));
    const { cache, troubles } = watching({ api, namespace });
    await cache.synced;
    expect(troubles.map(({ failures }) => failures)).toEqual([1, 2, 3, 4]);
    // As the 429 asks for.
    expect(troubles[2]?.waitMilliseconds).toBeGreaterThanOrEqual(1_000);
    const watchRefusals: (number | "cut")[] = [500, "cut"];
    proxy.refuse = ({ isWatch }) => (isWatch ? (watchRefusals.shift() ?? null) : null);
    proxy.cutWatches();
    await create(connect(), CONFIG_MAP, configMap(namespace, "late"));
    await eventually(
      () => cache.store.size,
      (size) => size === 1,
    );
    expect(watchRefusals).toEqual([]);
  });

  test("sees what vanished while it could not watch, when it lists anew", async () => {
    const namespace = await newNamespace();
    const admin = connect();
    await Promise.all(["stays", "goes"].map((name) => create(admin, CONFIG_MAP, configMap(namespace, name))));
    const { proxy, api } = await throughProxy();
    const { cache, changes } = watching({ api, namespace, groupOf: ({ metadata }) => `of ${metadata.name}` });
    await cache.synced;
    proxy.refuse = ({ isWatch }) => (isWatch ? 410 : null);
    proxy.cutWatches();
    await admin.request({ method: "DELETE", path: pathOf(CONFIG_MAP, namespace, "goes") });
    await eventually(
      () => [...cache.store.keys()],
      (keys) => keys.length === 1,
    );
    expect(changes.at(-1)).toEqual({ key: `${namespace}/goes`, groups: ["of goes"] });
    expect(cache.store.group("of goes")).toEqual([]);
    expect(cache.store.group("of stays")).toEqual([`${namespace}/stays`]);
  });

  test("keeps only what it is told to, and asks for metadata alone", async () => {
    const namespace = await newNamespace();
    await create(connect(), CONFIG_MAP, configMap(namespace, "big", { text: "x".repeat(10_000) }));
    const kept = watching({ api: connect(), namespace, keep: ({ data: _, ...rest }) => rest });
    const bare = watching({ api: connect(), namespace, metadataOnly: true });
    await Promise.all([kept.cache.synced, bare.cache.synced]);
    for (const { cache } of [kept, bare]) {
      const object = cache.store.get(`${namespace}/big`);
      expect(object?.metadata.labels).toEqual({ test: "yes" });
      expect(object).not.toHaveProperty("data");
    }
  });
});

describeApiServer("a watch cache, on an API server of its own,", () => {
  test("lists anew after its resource version was compacted away, and lives through a restart", async () => {
    const own = await startControlPlane({ controllers: false });
    onTestFinished(() => own.remove());
    const proxy = await startProxy(own);
    proxies.push(proxy);
    const admin = connect({ kubeconfig: kubeconfigOf(own) });
    const api = connect({ kubeconfig: kubeconfigOf(own, "admin", proxy.address) });
    const namespace = "default";
    await create(admin, CONFIG_MAP, configMap(namespace, "first"));
    const { cache } = watching({ api, namespace });
    await cache.synced;

    // Kept from watching while the history that it would go on from is thrown away.
    proxy.refuse = ({ isWatch }) => (isWatch ? "cut" : 503);
    proxy.cutWatches();
    for (const n of [1, 2, 3, 4, 5]) await mergePatch(admin, CONFIG_MAP, namespace, "first", { data: { n: `${n}` } });
    await admin.request({ method: "DELETE", path: pathOf(CONFIG_MAP, namespace, "first") });
    const { metadata } = await create(admin, CONFIG_MAP, configMap(namespace, "second"));
    const endpoint = `127.0.0.1:${own.etcdPort}`;
    const compaction = { revision: metadata.resourceVersion, physical: true };
    await run("curl", ["-sf", `http://${endpoint}/v3/kv/compaction`, "-d", JSON.stringify(compaction)]);
    // The API server's own copy of the history goes with its process.
    await own.restartApiServer();
    proxy.refuse = () => null;
    await eventually(
      () => [...cache.store.keys()],
      (keys) => keys.length === 1 && keys[0] === "default/second",
      60_000,
    );
    await create(admin, CONFIG_MAP, configMap(namespace, "third"));
    await eventually(
      () => cache.store.size,
      (size) => size === 2,
    );
  });
});
