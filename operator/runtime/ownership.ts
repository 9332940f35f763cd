/**
 * Whether an object on the server is as its owner wants it, so that nothing need be written. Only what the owner wants
 * and what it owns counts: defaults of the server and fields of others (an autoscaler's replicas) are not looked at.
 */
import type { FieldSet, KubeObject, ManagedFields } from "./kinds.ts";

/** What identifies an entry of the lists that the API server merges; other lists are replaced as a whole. */
const LIST_KEYS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  containers: [["name"]],
  initContainers: [["name"]],
  volumes: [["name"]],
  env: [["name"]],
  imagePullSecrets: [["name"]],
  volumeMounts: [["mountPath"]],
  ports: [
    ["containerPort", "protocol"],
    ["port", "protocol"],
  ],
  topologySpreadConstraints: [["topologyKey", "whenUnsatisfiable"]],
  ownerReferences: [["uid"]],
  conditions: [["type"]],
  experiments: [["name"]],
};

/** Lists of these names within what is replaced as a whole. */
const ATOMIC = new Set(["ingress", "egress", "rules", "tls", "affinity", "sources"]);

/**
 * Where the live object is not as desired: the first such place, as a path; `null`: nowhere.
 *
 * @param manager our field manager: a field of ours that is not desired any more is such a place
 */
export function difference(desired: KubeObject, live: KubeObject, manager: string, subresource = ""): string | null {
  const { apiVersion: _v, kind: _k, metadata, ...fields } = desired;
  const { labels, annotations, finalizers, ownerReferences } = metadata;
  const wanted = plain({ ...fields, metadata: { labels, annotations, finalizers, ownerReferences } });
  return (
    unlike(wanted, live, "") ?? surplus(ownedFields(live.metadata.managedFields, manager, subresource), wanted, "")
  );
}

/** The fields that a manager set by apply; `undefined`: none. */
export function ownedFields(
  managers: readonly ManagedFields[] | undefined,
  manager: string,
  subresource = "",
): FieldSet | undefined {
  return managers?.find(
    (entry) => entry.manager === manager && entry.operation === "Apply" && (entry.subresource ?? "") === subresource,
  )?.fieldsV1;
}

/** Whether a set holds a field: `spec.replicas`. */
export function holdsField(fields: FieldSet | undefined, path: string): boolean {
  let at: FieldSet | undefined = fields;
  for (const step of path.split(".")) at = at?.[`f:${step}`];
  return at !== undefined;
}

type Plain = null | boolean | number | string | Plain[] | { [field: string]: Plain };

/** As it arrives on the server: without what is undefined. */
function plain(value: unknown): Plain {
  return JSON.parse(JSON.stringify(value)) as Plain;
}

function unlike(desired: unknown, live: unknown, path: string, atomic = false): string | null {
  if (Array.isArray(desired)) return unlikeList(desired, live, path, atomic);
  if (!isObject(desired)) return Object.is(desired, live) ? null : path;
  if (!isObject(live)) return path;
  for (const [field, value] of Object.entries(desired)) {
    const found = unlike(value, live[field], `${path}.${field}`, atomic || ATOMIC.has(field));
    if (found !== null) return found;
  }
  return null;
}

function unlikeList(desired: readonly unknown[], live: unknown, path: string, atomic: boolean): string | null {
  if (!Array.isArray(live)) return path;
  const keys = atomic ? undefined : keysOf(path, desired);
  if (keys === undefined) {
    if (isSet(path)) return desired.every((value) => live.includes(value)) ? null : path;
    if (live.length !== desired.length) return path;
    return first(desired.map((entry, index) => unlike(entry, live[index], `${path}[${index}]`, true)));
  }
  return first(
    desired.map((entry) => {
      const found = live.find((candidate) => sameKeys(candidate, entry, keys));
      const place = `${path}[${keys.map((key) => (entry as Record<string, unknown>)[key]).join(",")}]`;
      return found === undefined ? place : unlike(entry, found, place);
    }),
  );
}

function first(places: readonly (string | null)[]): string | null {
  return places.find((place) => place !== null) ?? null;
}

function isSet(path: string): boolean {
  return path === ".metadata.finalizers";
}

function keysOf(path: string, entries: readonly unknown[]): readonly string[] | undefined {
  const name = path.slice(path.lastIndexOf(".") + 1);
  return LIST_KEYS[name]?.find((keys) =>
    entries.every((entry) => isObject(entry) && keys.every((key) => key in entry)),
  );
}

function sameKeys(a: unknown, b: unknown, keys: readonly string[]): boolean {
  return isObject(a) && isObject(b) && keys.every((key) => a[key] === b[key]);
}

/** The first field of a set that the desired object has not. */
function surplus(fields: FieldSet | undefined, desired: unknown, path: string): string | null {
  for (const [step, below] of Object.entries(fields ?? {})) {
    if (step === ".") continue;
    const found = follow(step, desired);
    const place = `${path}.${step}`;
    if (found === undefined) return place;
    const deeper = surplus(below, found.value, place);
    if (deeper !== null) return deeper;
  }
  return null;
}

function follow(step: string, value: unknown): { readonly value: unknown } | undefined {
  const rest = step.slice(2);
  if (step.startsWith("f:")) return isObject(value) && rest in value ? { value: value[rest] } : undefined;
  if (!Array.isArray(value)) return undefined;
  if (step.startsWith("i:")) return Number(rest) in value ? { value: value[Number(rest)] } : undefined;
  const wanted: unknown = JSON.parse(rest);
  if (step.startsWith("v:")) return value.includes(wanted) ? { value: wanted } : undefined;
  if (!isObject(wanted)) return undefined;
  const entry = value.find((candidate) => sameKeys(candidate, wanted, Object.keys(wanted)));
  return entry === undefined ? undefined : { value: entry };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
