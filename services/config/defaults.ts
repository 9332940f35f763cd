/** Defaults as the API server fills them in. */
import { isDeepStrictEqual } from "node:util";
import type { Schema } from "../../crds/index.ts";
import type { Path } from "./fault.ts";

export interface Defaulted {
  readonly value: unknown;
  /** Fields that were written without a value: the API server takes them as absent. */
  readonly empty: readonly Path[];
}

/**
 * A copy of `value` with the schema's defaults: first an absent field gets its default, then the default's own fields
 * are filled in. `null` counts as absent. What does not fit the schema is left as it is.
 */
export function withDefaults(schema: Schema, value: unknown): Defaulted {
  const empty: Path[] = [];
  return { value: fill(schema, value, [], empty), empty };
}

function fill(schema: Schema, value: unknown, path: Path, empty: Path[]): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((entry, index) => fill(items, entry, [...path, index], empty)) : value;
  }
  if (!isRecord(value)) return value;
  const { properties = {}, additionalProperties } = schema;
  const written = Object.entries(value).flatMap(([name, field]) => {
    const fieldSchema = ownSchema(properties, name) ?? additionalProperties;
    if (fieldSchema === undefined) return [[name, field] as const];
    if (field !== null) return [[name, fill(fieldSchema, field, [...path, name], empty)] as const];
    empty.push([...path, name]);
    return [];
  });
  const present = new Set(written.map(([name]) => name));
  const added = Object.entries(properties)
    .filter(([name, field]) => field.default !== undefined && !present.has(name))
    .map(([name, field]) => [name, fill(field, structuredClone(field.default), [...path, name], empty)] as const);
  return Object.fromEntries([...written, ...added]);
}

/** The other way round: a copy of `value` without the fields that equal their defaults. */
export function withoutDefaults(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((entry) => withoutDefaults(items, entry)) : value;
  }
  if (!isRecord(value)) return value;
  const { properties = {}, additionalProperties } = schema;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => {
      const fieldSchema = ownSchema(properties, name) ?? additionalProperties;
      if (fieldSchema === undefined) return [[name, field] as const];
      return isDefault(fieldSchema, field) ? [] : [[name, withoutDefaults(fieldSchema, field)] as const];
    }),
  );
}

function isDefault(schema: Schema, value: unknown): boolean {
  if (schema.default === undefined) return false;
  const filled = (part: unknown) => fill(schema, structuredClone(part), [], []);
  return isDeepStrictEqual(filled(schema.default), filled(value));
}

/** A copy without the fields that the schema does not know: those that a newer version of it has. */
export function knownFields(schema: Schema, value: unknown): unknown {
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) return value;
  if (Array.isArray(value)) return value.map((entry) => knownFields(schema.items ?? {}, entry));
  if (!isRecord(value)) return value;
  const { properties, additionalProperties } = schema;
  if (properties === undefined && additionalProperties === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => {
      const fieldSchema = ownSchema(properties ?? {}, name) ?? additionalProperties;
      return fieldSchema === undefined ? [] : [[name, knownFields(fieldSchema, field)] as const];
    }),
  );
}

function ownSchema(properties: Readonly<Record<string, Schema>>, name: string): Schema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path, `undefined` when the path leads nowhere. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((from, segment) => {
    if (Array.isArray(from)) return typeof segment === "number" ? from[segment] : undefined;
    return isRecord(from) && Object.hasOwn(from, segment) ? from[segment] : undefined;
  }, value);
}
