/**
 * Watches children as they are written, and tells which writes changed nothing that anybody can see.
 */

import { MANAGED_BY } from "../../operator/pipeline/names.ts";
import type { ApiServer } from "../../operator/runtime/index.ts";
import { type KubeObject, type ResourceKind, startWatchCache } from "../../operator/runtime/index.ts";

export interface Recorder {
  /** Versions seen, all told. */
  readonly versions: () => number;
  /** `Kind name` of each version that was as the one before, but for its number. */
  readonly idle: () => readonly string[];
  stop(): Promise<void>;
}

export async function recordWrites(
  api: ApiServer,
  kinds: readonly ResourceKind[],
  namespace: string,
): Promise<Recorder> {
  const last = new Map<string, string>();
  const idle: string[] = [];
  let versions = 0;
  const caches = kinds.map((kind) => {
    const cache = startWatchCache({
      api,
      kind,
      namespace,
      labelSelector: MANAGED_BY,
      keep(object: KubeObject) {
        const { resourceVersion: _v, ...metadata } = object.metadata;
        const text = JSON.stringify({ ...object, metadata });
        const id = `${object.kind} ${metadata.name} ${metadata.uid}`;
        versions += 1;
        if (last.get(id) === text) idle.push(id);
        last.set(id, text);
        return object;
      },
      onChange: () => {},
      onTrouble: () => {},
      random: Math.random,
    });
    return cache;
  });
  await Promise.all(caches.map(({ synced }) => synced));
  return {
    versions: () => versions,
    idle: () => idle,
    async stop() {
      await Promise.all(caches.map((cache) => cache.stop()));
    },
  };
}
