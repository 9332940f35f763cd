/**
 * Objects in memory as packed JSON: a quarter of the memory of the text, a tenth of that of parsed objects. To read one
 * again takes 0.05 ms, so whoever wants few asks for few.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { KubeObject } from "./kinds.ts";

export interface ObjectStore {
  get(key: string): KubeObject | undefined;
  /** Without reading the object. */
  versionOf(key: string): string | undefined;
  /** Keys of the objects of a group. */
  group(group: string): readonly string[];
  keys(): Iterable<string>;
  readonly size: number;
  /** @returns the groups that it was in and is in */
  put(key: string, object: KubeObject): string[];
  /** @returns the group that it was in */
  remove(key: string): string[];
}

/** Higher ones take longer and save little. */
const LEVEL = 1;

interface Entry {
  readonly version: string | undefined;
  readonly group: string | null;
  /** A character a byte: a buffer of zlib's would hold on to the 16 kB that it was written into. */
  readonly packed: string;
}

export function objectStore(
  keep: (object: KubeObject) => KubeObject = (object) => object,
  groupOf: (object: KubeObject) => string | null = () => null,
): ObjectStore {
  const entries = new Map<string, Entry>();
  const groups = new Map<string, Set<string>>();

  const leave = (group: string | null | undefined, key: string) => {
    if (group === null || group === undefined) return;
    const members = groups.get(group);
    members?.delete(key);
    if (members?.size === 0) groups.delete(group);
  };

  return {
    get(key) {
      const entry = entries.get(key);
      return entry === undefined ? undefined : unpack(entry.packed);
    },
    versionOf: (key) => entries.get(key)?.version,
    group: (group) => [...(groups.get(group) ?? [])],
    keys: () => entries.keys(),
    get size() {
      return entries.size;
    },
    put(key, object) {
      const before = entries.get(key)?.group;
      const group = groupOf(object);
      if (before !== group) leave(before, key);
      if (group !== null) {
        const members = groups.get(group) ?? new Set();
        groups.set(group, members.add(key));
      }
      const packed = deflateRawSync(JSON.stringify(keep(object)), { level: LEVEL }).toString("latin1");
      entries.set(key, { version: object.metadata.resourceVersion, group, packed });
      return [...new Set([before, group])].filter((name) => name !== null && name !== undefined);
    },
    remove(key) {
      const before = entries.get(key)?.group;
      leave(before, key);
      entries.delete(key);
      return before === null || before === undefined ? [] : [before];
    },
  };
}

function unpack(packed: string): KubeObject {
  return JSON.parse(inflateRawSync(Buffer.from(packed, "latin1")).toString()) as KubeObject;
}
