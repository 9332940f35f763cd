/**
 * A copy of the objects of one kind, kept current: listed in pages, then watched for ever. Whatever goes wrong (a cut
 * connection, a refused request, a resource version that is not kept any more) is tried again with growing pauses; the
 * copy meanwhile is as it was.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, isExpired, type Status } from "./api-error.ts";
import type { ApiServer } from "./api-server.ts";
import { backoffMilliseconds } from "./backoff.ts";
import { apiVersionOf, type KubeObject, keyOf, pathOf, type ResourceKind } from "./kinds.ts";
import { type ObjectStore, objectStore } from "./object-store.ts";

/** Something about an object is other than before. `groups` are those that it was in and is in. */
export interface CacheChange {
  readonly key: string;
  readonly groups: readonly string[];
}

export interface WatchCacheOptions {
  readonly api: ApiServer;
  readonly kind: ResourceKind;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** Names, labels and owners alone are asked for and kept. */
  readonly metadataOnly?: boolean;
  /** What is kept of an object; without it all is. */
  readonly keep?: (object: KubeObject) => KubeObject;
  /** What objects are found together by, such as their owner; `null`: not at all. */
  readonly groupOf?: (object: KubeObject) => string | null;
  readonly onChange: (change: CacheChange) => void;
  readonly onTrouble: (trouble: CacheTrouble) => void;
  readonly pageSize?: number;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface CacheTrouble {
  readonly kind: string;
  readonly error: unknown;
  /** Failures in a row. */
  readonly failures: number;
  readonly waitMilliseconds: number;
}

export interface WatchCache {
  readonly kind: ResourceKind;
  readonly store: Pick<ObjectStore, "get" | "versionOf" | "group" | "keys" | "size">;
  /** Resolves when the first list is complete. */
  readonly synced: Promise<void>;
  readonly isSynced: () => boolean;
  /** The last failure since it last worked. */
  readonly trouble: () => unknown;
  stop(): Promise<void>;
}

const PAGE_SIZE = 500;
const BACKOFF = { firstMilliseconds: 200, maxMilliseconds: 30_000 };
/** The API server ends a watch after this, so that watches do not all stay on one server; half to whole is asked for. */
const WATCH_SECONDS = 600;
/** The API server sends a bookmark about once a minute. */
const SILENCE_MILLISECONDS = 180_000;
/** So often in a row a watch may fail at the same place before the objects are listed anew. */
const MAX_FAILED_WATCHES = 3;

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject & Status;
}

interface ListPage {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items?: readonly KubeObject[];
}

/** Begins at once. */
export function startWatchCache(options: WatchCacheOptions): WatchCache {
  const { api, kind, onChange } = options;
  const store = objectStore(options.keep, options.groupOf);
  const stopping = new AbortController();
  const { signal } = stopping;
  const path = pathOf(kind, options.namespace);
  const selector = options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector };
  let resourceVersion: string | null = null;
  let isSynced = false;
  let trouble: unknown = null;
  const synced = Promise.withResolvers<void>();

  const list = async () => {
    const unseen = new Set(store.keys());
    let next: string | undefined;
    let version: string;
    do {
      const page: ListPage = await api.request<ListPage>({
        method: "GET",
        path,
        query: { ...selector, limit: options.pageSize ?? PAGE_SIZE, continue: next },
        accept: accept(options.metadataOnly, "PartialObjectMetadataList"),
        signal,
      });
      for (const item of page.items ?? []) {
        // A list names kind and version once, not in each item.
        const object = { ...item, apiVersion: apiVersionOf(kind), kind: kind.kind };
        unseen.delete(keyOf(object));
        put(object);
      }
      next = page.metadata.continue;
      version = page.metadata.resourceVersion;
    } while (next);
    for (const key of unseen) remove(key);
    resourceVersion = version;
    isSynced = true;
    synced.resolve();
  };

  const put = (object: KubeObject) => {
    const key = keyOf(object);
    if (store.versionOf(key) === object.metadata.resourceVersion) return;
    onChange({ key, groups: store.put(key, object) });
  };

  const remove = (key: string) => {
    if (store.versionOf(key) !== undefined) onChange({ key, groups: store.remove(key) });
  };

  const watch = async (onProgress: () => void) => {
    const seconds = Math.round(WATCH_SECONDS * (0.5 + options.random() / 2));
    const query = { ...selector, watch: true, allowWatchBookmarks: true, timeoutSeconds: seconds };
    await api.stream(
      {
        method: "GET",
        path,
        query: { ...query, ...(resourceVersion === null ? {} : { resourceVersion }) },
        accept: accept(options.metadataOnly, "PartialObjectMetadata"),
        silenceMilliseconds: SILENCE_MILLISECONDS,
        signal,
      },
      (line) => {
        const { type, object } = line as WatchEvent;
        if (type === "ERROR") throw new ApiError(`WATCH ${path}`, object.code ?? 500, object);
        if (type === "DELETED") remove(keyOf(object));
        else if (type !== "BOOKMARK") put({ ...object, apiVersion: apiVersionOf(kind), kind: kind.kind });
        resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
        onProgress();
      },
    );
  };

  const run = async () => {
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (resourceVersion === null) {
          await list();
          failures = 0;
        }
        await watch(() => {
          failures = 0;
          trouble = null;
        });
        trouble = null;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        trouble = error;
        if (isExpired(error) || failures >= MAX_FAILED_WATCHES) resourceVersion = null;
        // What expired is simply listed anew, unless that does not help.
        if (isExpired(error) && failures === 1) continue;
        const asked = error instanceof ApiError ? (error.retryAfterMilliseconds ?? 0) : 0;
        const waitMilliseconds = Math.max(asked, backoffMilliseconds(failures, BACKOFF, options.random));
        options.onTrouble({ kind: kind.plural, error, failures, waitMilliseconds });
        await sleep(waitMilliseconds, undefined, { signal }).catch(() => {});
      }
    }
  };

  const running = run();
  // Whoever waits for the first list hears of a bug here, not of an outage.
  running.catch((error) => synced.reject(error));
  synced.promise.catch(() => {});
  return {
    kind,
    store,
    synced: synced.promise,
    isSynced: () => isSynced,
    trouble: () => trouble,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function accept(metadataOnly: boolean | undefined, as: string): string {
  return metadataOnly === true ? `application/json;as=${as};g=meta.k8s.io;v=v1` : "application/json";
}
