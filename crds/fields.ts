/**
 * The vocabulary every section is written in: a field is one call that holds its type, limits, unit and description,
 * and an object holds the CEL rules that stand on it. The schema of the CustomResourceDefinition is read off from it.
 */
import { z } from "zod";

/** One CEL rule as the API server takes it, with what only our own tools read: `id` and `at`. */
export interface Rule {
  /** The rule's name in the documentation, `V12`. */
  readonly id: string;
  /** CEL over `self`; a rule that names `oldSelf` runs on updates alone. */
  readonly rule: string;
  readonly message: string;
  /** Path of the field at fault, from the object that the rule stands on. */
  readonly fieldPath?: string;
  readonly reason?: "FieldValueInvalid" | "FieldValueForbidden" | "FieldValueRequired" | "FieldValueDuplicate";
  /** As `fieldPath`, for a field that the API server lets no rule point at. */
  readonly at?: string;
}

export function rule(id: string, cel: string, message: string, more: Pick<Rule, "fieldPath" | "reason" | "at"> = {}) {
  return { id, rule: cel, message, ...more } satisfies Rule;
}

/** Names of list entries: what Kubernetes accepts as a label value and a DNS label. */
export const ENTRY_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** Length of the longest DNS name, and of most other names. */
export const NAME_LENGTH = 253;

export function text(description: string, maxLength: number = NAME_LENGTH, pattern?: RegExp) {
  const limited = z.string().max(maxLength);
  return (pattern === undefined ? limited : limited.regex(pattern)).meta({ description });
}

/** The `name` of a list entry, by which the entry is merged, overridden and reported. */
export function entryName(description: string) {
  return text(description, 63, ENTRY_NAME);
}

export function choice<const Values extends readonly [string, ...string[]]>(description: string, values: Values) {
  return z.enum(values).meta({ description });
}

export function flag(description: string) {
  return z.boolean().meta({ description });
}

export interface IntegerLimits {
  readonly min: number;
  readonly max: number;
  /** Shown in the reference; a field of time or share carries it in its name too. */
  readonly unit?: string;
}

export function integer(description: string, { min, max, unit }: IntegerLimits) {
  return z
    .int()
    .min(min)
    .max(max)
    .meta(unit === undefined ? { description } : { description, unit });
}

/** A closed object: a field that is not named is a fault. */
export function object<Shape extends z.ZodRawShape>(description: string, shape: Shape, rules: readonly Rule[] = []) {
  const schema = z.strictObject(shape);
  return schema.meta(rules.length === 0 ? { description } : { description, "x-kubernetes-validations": rules });
}

/** An object of another API, taken as it is; who uses it judges it. */
export function foreignObject(description: string) {
  return z.looseObject({}).meta({ description, "x-kubernetes-preserve-unknown-fields": true });
}

/** Text or numbers by a key of the user's choice. */
export function mapOf<Value extends z.ZodType>(description: string, maxProperties: number, value: Value) {
  return z
    .record(z.string(), value)
    .superRefine((entries, context) => {
      if (Object.keys(entries).length <= maxProperties) return;
      context.addIssue({ code: "too_big", origin: "map", maximum: maxProperties, inclusive: true, input: entries });
    })
    .meta({ description, maxProperties });
}

export interface ListLimits {
  readonly min?: number;
  readonly max: number;
}

/** Entries that belong together and are replaced as a whole. */
export function atomicList<Item extends z.ZodType>(description: string, limits: ListLimits, item: Item) {
  return bounded(item, limits).meta({ description, "x-kubernetes-list-type": "atomic" });
}

/** Each value once; order has no meaning. */
export function setOf<Item extends z.ZodType>(description: string, limits: ListLimits, item: Item) {
  return bounded(item, limits)
    .superRefine((values, context) => reportRepeats(values, (value) => value, [], context), { when: isList })
    .meta({ description, "x-kubernetes-list-type": "set" });
}

/** Entries that are known by `key`, each once; order has no meaning. */
export function listMap<Item extends z.ZodType>(description: string, limits: ListLimits, item: Item, key = "name") {
  return bounded(item, limits)
    .superRefine((entries, context) => reportRepeats(entries, (entry) => fieldOf(entry, key), [key], context), {
      when: isList,
    })
    .meta({ description, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] });
}

function bounded<Item extends z.ZodType>(item: Item, { min, max }: ListLimits) {
  return min === undefined ? z.array(item).max(max) : z.array(item).min(min).max(max);
}

/** Repeats are told even when another entry is at fault. */
function isList({ value }: { readonly value: unknown }): boolean {
  return Array.isArray(value);
}

function fieldOf(entry: unknown, key: string): unknown {
  return typeof entry === "object" && entry !== null ? Reflect.get(entry, key) : undefined;
}

function reportRepeats(
  entries: readonly unknown[],
  identity: (entry: unknown) => unknown,
  path: readonly string[],
  context: z.core.$RefinementCtx,
): void {
  const seen = new Set<unknown>();
  entries.forEach((entry, index) => {
    const id = identity(entry);
    if (id !== undefined && seen.has(id)) {
      const message = `${JSON.stringify(id)} is in the list already: each entry once`;
      context.addIssue({ code: "custom", path: [index, ...path], message, input: id });
    }
    seen.add(id);
  });
}
