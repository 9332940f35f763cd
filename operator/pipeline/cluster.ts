/** The cluster as the operator sees it: pipelines, their children, their pods, and what kinds there are. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ApiServer,
  apiVersionOf,
  type CacheTrouble,
  isNotFound,
  type KubeObject,
  keyOf,
  type ResourceKind,
  startWatchCache,
  type WatchCache,
} from "../runtime/index.ts";
import { type Capabilities, OPTIONAL_KINDS, PIPELINE, POD, STANDARD_KINDS } from "./kinds.ts";
import { MANAGED_BY, MANAGER, pipelineKey } from "./names.ts";

export interface Cluster {
  pipeline(key: string): KubeObject | undefined;
  pipelines(): Iterable<string>;
  /** One child; `undefined`: there is none, or it is of a kind that the cluster has not. */
  child(kind: ResourceKind, key: string): KubeObject | undefined;
  /** Everything that is labelled as part of the pipeline, of all kinds but pods. */
  children(pipeline: string): { readonly kind: ResourceKind; readonly object: KubeObject }[];
  /** Those of one kind. */
  childrenOfKind(kind: ResourceKind, pipeline: string): KubeObject[];
  pods(pipeline: string): KubeObject[];
  /** Another text when anything has changed that decides which children are to be written. */
  fingerprint(pipeline: KubeObject): string;
  capabilities(): Capabilities;
  /** What is not known yet, for a person; empty: ready. */
  waitingFor(): string[];
  /** Resolves when everything is known that every cluster has. */
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  readonly api: ApiServer;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  /** Something of this pipeline has changed. */
  readonly onChange: (pipeline: string) => void;
  readonly onCapabilities: (capabilities: Capabilities) => void;
  readonly onTrouble: (trouble: CacheTrouble) => void;
  /** How often discovery is asked. Default one minute. */
  readonly discoverMilliseconds?: number;
  /** 0 to 1. */
  readonly random: () => number;
}

const DISCOVER_MILLISECONDS = 60_000;

export function watchCluster(options: ClusterOptions): Cluster {
  const { api, onChange } = options;
  const caches = new Map<ResourceKind, WatchCache[]>();
  const stopping = new AbortController();

  const watch = (kind: ResourceKind, more: { keep?: (object: KubeObject) => KubeObject; selector?: string }) => {
    const places = options.namespaces.length === 0 ? [undefined] : options.namespaces;
    const started = places.map((namespace) =>
      startWatchCache({
        api,
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        ...(more.selector === undefined ? {} : { labelSelector: more.selector }),
        ...(more.keep === undefined ? {} : { keep: more.keep }),
        groupOf: kind === PIPELINE ? () => null : pipelineKey,
        onChange: ({ key, groups }) => {
          if (kind === PIPELINE) onChange(key);
          else for (const group of groups) onChange(group);
        },
        onTrouble: options.onTrouble,
        random: options.random,
      }),
    );
    caches.set(kind, started);
    return started;
  };

  const stores = (kind: ResourceKind) => (caches.get(kind) ?? []).map(({ store }) => store);
  const find = (kind: ResourceKind, key: string) => {
    for (const store of stores(kind)) {
      const object = store.get(key);
      if (object !== undefined) return object;
    }
    return undefined;
  };
  const ofPipeline = (kind: ResourceKind, pipeline: string) =>
    stores(kind).flatMap((store) => store.group(pipeline).flatMap((key) => store.get(key) ?? []));

  const standard = [
    ...watch(PIPELINE, { keep: keepPipeline }),
    ...watch(POD, { keep: keepPod, selector: MANAGED_BY }),
    ...STANDARD_KINDS.flatMap((kind) => watch(kind, { keep: keepChild, selector: MANAGED_BY })),
  ];

  const isThere = (kinds: readonly ResourceKind[]) =>
    kinds.every((kind) => caches.get(kind)?.every((cache) => cache.isSynced()) ?? false);
  let known: Capabilities = { gatewayApi: false, keda: false };
  const discover = async () => {
    for (const kinds of Object.values(OPTIONAL_KINDS)) {
      const served = await isServed(api, kinds).catch((error) => {
        options.onTrouble({ kind: "discovery", error, failures: 1, waitMilliseconds: 0 });
        return false;
      });
      if (!served) continue;
      for (const kind of kinds) if (!caches.has(kind)) watch(kind, { keep: keepChild, selector: MANAGED_BY });
    }
    // A kind counts as there when it could be listed: without the right to, it cannot be used either.
    const started = Object.values(OPTIONAL_KINDS)
      .flat()
      .flatMap((kind) => caches.get(kind) ?? []);
    await Promise.race([Promise.all(started.map(({ synced }) => synced)), sleep(5_000)]);
    const found = { gatewayApi: isThere(OPTIONAL_KINDS.gatewayApi), keda: isThere(OPTIONAL_KINDS.keda) };
    if (found.gatewayApi === known.gatewayApi && found.keda === known.keda) return;
    known = found;
    options.onCapabilities(known);
  };
  const discovered = Promise.withResolvers<void>();
  const keepDiscovering = async () => {
    while (!stopping.signal.aborted) {
      await discover();
      discovered.resolve();
      const pause = options.discoverMilliseconds ?? DISCOVER_MILLISECONDS;
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const discovering = keepDiscovering();

  return {
    pipeline: (key) => find(PIPELINE, key),
    *pipelines() {
      for (const store of stores(PIPELINE)) yield* store.keys();
    },
    child: find,
    children: (pipeline) =>
      [...caches.keys()]
        .filter((kind) => kind !== PIPELINE && kind !== POD)
        .flatMap((kind) => ofPipeline(kind, pipeline).map((object) => ({ kind, object }))),
    childrenOfKind: ofPipeline,
    pods: (pipeline) => ofPipeline(POD, pipeline),
    fingerprint(pipeline) {
      const { uid, generation, finalizers = [] } = pipeline.metadata;
      const parts = [uid, generation, ...finalizers, known.gatewayApi, known.keda];
      for (const kind of caches.keys()) {
        if (kind === PIPELINE || kind === POD) continue;
        for (const store of stores(kind)) {
          for (const key of store.group(keyOf(pipeline))) parts.push(store.versionOf(key));
        }
      }
      return parts.join(",");
    },
    capabilities: () => known,
    waitingFor: () =>
      standard
        .filter((cache) => !cache.isSynced())
        .map((cache) => {
          const trouble = cache.trouble();
          return `the list of ${cache.kind.plural}${trouble instanceof Error ? ` (${trouble.message})` : ""}`;
        }),
    synced: Promise.all([...standard.map(({ synced }) => synced), discovered.promise]).then(() => {}),
    async stop() {
      stopping.abort();
      await Promise.all([discovering, ...[...caches.values()].flat().map((cache) => cache.stop())]);
    },
  };
}

/** By the list of the version's resources: no right but discovery's is needed. */
async function isServed(api: ApiServer, kinds: readonly ResourceKind[]): Promise<boolean> {
  for (const kind of kinds) {
    try {
      const path = `/apis/${apiVersionOf(kind)}`;
      const { resources } = await api.request<{ readonly resources: readonly { readonly name: string }[] }>({
        method: "GET",
        path,
      });
      if (!resources.some(({ name }) => name === kind.plural)) return false;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
  return true;
}

/** Only what we own of who owns what. */
function keepOurFields(object: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata;
  const ours = managedFields?.filter(({ manager, operation }) => manager === MANAGER && operation === "Apply") ?? [];
  return { ...object, metadata: { ...metadata, managedFields: ours } };
}

function keepPipeline(object: KubeObject): KubeObject {
  return keepOurFields(object);
}

const WITH_STATUS = new Set(["Deployment", "Job"]);

function keepChild(object: KubeObject): KubeObject {
  const { status, ...rest } = keepOurFields(object);
  return WITH_STATUS.has(object.kind) ? { ...rest, status } : rest;
}

function keepPod({ apiVersion, kind, metadata, status }: KubeObject): KubeObject {
  const { managedFields: _, ...kept } = metadata;
  const { phase, podIP, conditions, containerStatuses } = (status ?? {}) as Record<string, unknown>;
  return { apiVersion, kind, metadata: kept, status: { phase, podIP, conditions, containerStatuses } };
}
