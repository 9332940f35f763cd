/** Evaluates the schema's CEL rules, from the text that the API server evaluates. */
import { Environment, EvaluationError } from "@marcbachmann/cel-js";
import { pipelineSchema, type Rule, type Schema } from "../../crds/index.ts";
import { isRecord } from "./defaults.ts";
import type { Finding, Path } from "./fault.ts";
import { startsWith } from "./fault.ts";

const environment = new Environment()
  .registerVariable("self", "dyn")
  .registerVariable("oldSelf", "dyn")
  // Of Kubernetes' own list library.
  .registerFunction("list.sum(): dyn", (numbers: readonly bigint[]) => numbers.reduce((sum, next) => sum + next, 0n));

type Predicate = (context: { readonly self: unknown; readonly oldSelf?: unknown }) => unknown;

const compiled = new Map<string, Predicate>();

export interface RuleInput {
  /** The resource, with defaults filled in. */
  readonly value: unknown;
  /** The resource as it was before the change, with defaults; rules on changes are left out without it. */
  readonly old?: unknown;
  /** Fields of the wrong shape: rules that read them are left out. */
  readonly misshapen: readonly Path[];
}

/** The rules that the resource breaks, each at the object that it stands on or the field that it points at. */
export function checkRules({ value, old, misshapen }: RuleInput): Finding[] {
  return check({ schema: pipelineSchema, value, old, path: [], misshapen });
}

interface Place {
  readonly schema: Schema;
  readonly value: unknown;
  readonly old: unknown;
  readonly path: Path;
  readonly misshapen: readonly Path[];
}

function check(place: Place): Finding[] {
  const below = placesBelow(place).flatMap(check);
  const rules = (place.schema["x-kubernetes-validations"] ?? []).filter((rule) => applies(rule, place));
  return [...rules.flatMap((rule) => evaluate(rule, place, below)), ...below];
}

function applies({ rule }: Rule, { value, old, path, misshapen }: Place): boolean {
  if (!isRecord(value)) return false;
  if (/\boldSelf\b/.test(rule) && old === undefined) return false;
  const read = [...rule.matchAll(/\bself\.(\w+)/g)].map(([, field = ""]) => [...path, field]);
  return !misshapen.some((bad) => read.some((field) => startsWith(bad, field) || startsWith(field, bad)));
}

/** A rule that cannot be evaluated because of a fault below adds nothing to that fault. */
function evaluate(rule: Rule, { schema, value, old, path }: Place, below: readonly Finding[]): Finding[] {
  const target = rule.fieldPath ?? rule.at ?? "";
  const at = [...path, ...target.split(".").filter((field) => field !== "")];
  try {
    const holds = predicate(rule.rule)({ self: celValue(schema, value), oldSelf: celValue(schema, old) });
    return holds === true ? [] : [{ path: at, message: rule.message }];
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    if (below.length > 0) return [];
    return [{ path: at, message: `${rule.message} (the rule could not be evaluated: ${error.summary})` }];
  }
}

function predicate(rule: string): Predicate {
  const known = compiled.get(rule);
  if (known !== undefined) return known;
  const parsed = environment.parse(rule);
  compiled.set(rule, parsed);
  return parsed;
}

function placesBelow({ schema, value, old, path, misshapen }: Place): Place[] {
  const { items, properties, additionalProperties } = schema;
  if (items && Array.isArray(value)) {
    return value.map((entry, index) => {
      return { schema: items, value: entry, old: formerEntry(schema, entry, old), path: [...path, index], misshapen };
    });
  }
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const fieldSchema = properties && Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (fieldSchema === undefined) return [];
    const former = isRecord(old) ? old[name] : undefined;
    return [{ schema: fieldSchema, value: field, old: former, path: [...path, name], misshapen }];
  });
}

/** The same entry before the change: only entries of a list that is a map can be found again. */
function formerEntry(list: Schema, entry: unknown, old: unknown): unknown {
  const id = entryId(list, entry);
  return id === undefined || !Array.isArray(old) ? undefined : old.find((former) => entryId(list, former) === id);
}

function entryId(list: Schema, entry: unknown): string | undefined {
  const keys = list["x-kubernetes-list-map-keys"];
  return keys && isRecord(entry) ? JSON.stringify(keys.map((key) => entry[key])) : undefined;
}

/** As CEL sees it: integers are 64-bit, and lists without an order are put into one, so that `==` does not see it. */
function celValue(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const entries = value.map((entry) => celValue(schema.items ?? {}, entry));
    if (schema["x-kubernetes-list-type"] === "map") return sortBy(entries, (entry) => entryId(schema, entry) ?? "");
    return schema["x-kubernetes-list-type"] === "set" ? sortBy(entries, String) : entries;
  }
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => [
        name,
        celValue(schema.properties?.[name] ?? schema.additionalProperties ?? {}, field),
      ]),
    );
  }
  return schema.type === "integer" && Number.isInteger(value) ? BigInt(Number(value)) : value;
}

function sortBy<Entry>(entries: readonly Entry[], key: (entry: Entry) => string): Entry[] {
  return entries.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
