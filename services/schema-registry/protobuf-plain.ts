/**
 * A decoded message as plain values: 64-bit integers with all their digits, enums by name, bytes as base64, a Timestamp
 * as milliseconds since 1970, wrappers as what they wrap. A field that is not in the record is left out where the schema
 * can tell that from a default (`optional`, `oneof`, messages), else it has its default, as proto3 says.
 */
import protobuf from "protobufjs";
import { decimalText, setOwn, shortestFloat } from "./numbers.ts";

type Values = Readonly<Record<string, unknown>>;

export function plainMessage(type: protobuf.Type, message: object): unknown {
  return planOf(type)(message as Values);
}

type Plan = (values: Values) => unknown;

/** How the messages of each type are read: worked out at the first of them. */
const plans = new WeakMap<protobuf.Type, Plan>();

function planOf(type: protobuf.Type): Plan {
  const known = plans.get(type);
  if (known !== undefined) return known;
  const wellKnown = Object.hasOwn(WELL_KNOWN, type.fullName) ? WELL_KNOWN[type.fullName] : undefined;
  const plan = wellKnown === undefined ? planOfFields(type) : (values: Values) => wellKnown(values, type);
  plans.set(type, plan);
  return plan;
}

function planOfFields(type: protobuf.Type): Plan {
  const fields = type.fieldsArray.map((field) => ({
    name: field.name,
    read: fieldReader(field),
    absent: absentReader(field),
  }));
  return (values) => {
    const plain: Record<string, unknown> = {};
    for (const { name, read, absent } of fields) {
      const value = Object.hasOwn(values, name) ? read(values[name]) : absent();
      if (value !== undefined) setOwn(plain, name, value);
    }
    return plain;
  };
}

type Read = (value: unknown) => unknown;

function fieldReader(field: protobuf.Field): Read {
  const read = valueReader(field);
  if (field.repeated) return (value) => (value as unknown[]).map(read);
  if (!field.map) return read;
  return (value) => {
    const map: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value as Values)) setOwn(map, mapKey(field, key), read(entry));
    return map;
  };
}

/** What stands for a field that is not in the record; `undefined`: nothing. */
function absentReader(field: protobuf.Field): () => unknown {
  if (field.map) return () => ({});
  if (field.repeated) return () => [];
  if (field.hasPresence || field.resolvedType instanceof protobuf.Type) return () => undefined;
  const standing = valueReader(field)(field.typeDefault);
  return () => standing;
}

/** protobufjs keeps 64-bit keys as eight characters of their bits, one that is left out as 0. */
function mapKey(field: protobuf.Field, key: string): string {
  if (key === "0" || !(field instanceof protobuf.MapField) || !/64$/.test(field.keyType)) return key;
  const unsigned = field.keyType === "uint64" || field.keyType === "fixed64";
  return protobuf.util.longFromHash(key, unsigned).toString();
}

function valueReader({ type, resolvedType }: protobuf.Field): Read {
  // Looked up at each value: a message may hold messages of its own type.
  if (resolvedType instanceof protobuf.Type) return (value) => planOf(resolvedType)((value as Values | null) ?? {});
  if (resolvedType instanceof protobuf.Enum) return (value) => resolvedType.valuesById[value as number] ?? value;
  if (/64$/.test(type)) return exactLong;
  if (type === "float") return (value) => shortestFloat(value as number);
  return type === "bytes" ? (value) => Buffer.from(value as Uint8Array).toString("base64") : (value) => value;
}

/** Of protobufjs's Long, or of a default, which may be a number. */
function exactLong(value: unknown): number | string {
  const number = typeof value === "number" ? value : (value as { toNumber(): number }).toNumber();
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Of the wrapper types, whose only field is `value`. */
function wrapped(values: Values, type: protobuf.Type): unknown {
  const field = type.fields.value;
  return field === undefined ? null : valueReader(field)(values.value ?? field.typeDefault);
}

const WRAPPERS = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"] as const;

const WELL_KNOWN: Readonly<Record<string, (values: Values, type: protobuf.Type) => unknown>> = {
  ".google.protobuf.Timestamp": ({ seconds = 0, nanos = 0 }) =>
    Number(String(seconds)) * 1_000 + Math.floor(Number(nanos) / 1_000_000),
  ".confluent.type.Decimal": ({ value, scale = 0 }) =>
    value === undefined ? "0" : decimalText(value as Uint8Array, Math.max(0, Number(scale))),
  ...Object.fromEntries(WRAPPERS.map((kind) => [`.google.protobuf.${kind}Value`, wrapped])),
};
