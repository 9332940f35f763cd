import { LRUCache } from "lru-cache";
import type { Attributes } from "../rows.ts";

/** Attributes by key; a key that has none is absent. @throws when the source does not answer */
export type Lookup = (keys: readonly string[]) => Promise<ReadonlyMap<string, Attributes>>;

export interface AttributeCacheOptions {
  readonly refreshSeconds: number;
  /** A key without attributes is asked for again after this: the user may have just signed up. */
  readonly missSeconds: number;
  readonly maxEntries: number;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
}

const MISSING: Attributes = Object.freeze({});

/** The same lookup, asked once per key and refresh; misses are remembered too, for a shorter time. */
export function cachedLookup(lookup: Lookup, options: AttributeCacheOptions): Lookup {
  const cache = new LRUCache<string, Attributes>({
    max: options.maxEntries,
    ttl: options.refreshSeconds * 1000,
    perf: { now: options.now },
    // Otherwise it keeps the time of a look for a moment of the process's own clock.
    ttlResolution: 0,
  });
  return async (keys) => {
    const found = new Map<string, Attributes>();
    const unknown = new Set<string>();
    for (const key of keys) {
      const known = cache.get(key);
      if (known === undefined) unknown.add(key);
      else if (known !== MISSING) found.set(key, known);
    }
    if (unknown.size > 0) {
      const fresh = await lookup([...unknown]);
      for (const key of unknown) {
        const attributes = fresh.get(key);
        if (attributes === undefined) {
          cache.set(key, MISSING, { ttl: options.missSeconds * 1000 });
        } else {
          cache.set(key, attributes);
          found.set(key, attributes);
        }
      }
    }
    return found;
  };
}
