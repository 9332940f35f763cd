/**
 * A decoded message as plain values: 64-bit integers with all their digits, enums by name, bytes as base64, a Timestamp
 * as milliseconds since 1970, wrappers as what they wrap. A field that is not in the record is left out where the schema
 * can tell that from a default (`optional`, `oneof`, messages), else it has its default, as proto3 says.
 */
import protobuf from "protobufjs";
import { decimalText, exactInteger, setOwn, shortestFloat } from "./numbers.ts";

type Values = Readonly<Record<string, unknown>>;

export function plainMessage(type: protobuf.Type, message: object): unknown {
  const values = message as Values;
  const wellKnown = Object.hasOwn(WELL_KNOWN, type.fullName) ? WELL_KNOWN[type.fullName] : undefined;
  if (wellKnown !== undefined) return wellKnown(values, type);
  const plain: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    if (Object.hasOwn(values, field.name)) setOwn(plain, field.name, plainField(field, values[field.name]));
    else if (field.map) setOwn(plain, field.name, {});
    else if (field.repeated) setOwn(plain, field.name, []);
    else if (!field.hasPresence && !(field.resolvedType instanceof protobuf.Type))
      setOwn(plain, field.name, plainValue(field, field.typeDefault));
  }
  return plain;
}

function plainField(field: protobuf.Field, value: unknown): unknown {
  if (field.map) {
    const map: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value as Values))
      setOwn(map, mapKey(field, key), plainValue(field, entry));
    return map;
  }
  return field.repeated ? (value as unknown[]).map((entry) => plainValue(field, entry)) : plainValue(field, value);
}

/** protobufjs keeps 64-bit keys as eight characters of their bits, one that is left out as 0. */
function mapKey(field: protobuf.Field, key: string): string {
  if (key === "0" || !(field instanceof protobuf.MapField) || !/64$/.test(field.keyType)) return key;
  const unsigned = field.keyType === "uint64" || field.keyType === "fixed64";
  return protobuf.util.longFromHash(key, unsigned).toString();
}

function plainValue({ type, resolvedType }: protobuf.Field, value: unknown): unknown {
  if (resolvedType instanceof protobuf.Type) return plainMessage(resolvedType, (value as object | null) ?? {});
  if (resolvedType instanceof protobuf.Enum) return resolvedType.valuesById[value as number] ?? value;
  if (/64$/.test(type)) return exactInteger(BigInt(String(value)));
  if (type === "float") return shortestFloat(value as number);
  return type === "bytes" ? Buffer.from(value as Uint8Array).toString("base64") : value;
}

/** Of the wrapper types, whose only field is `value`. */
function wrapped(values: Values, type: protobuf.Type): unknown {
  const field = type.fields.value;
  return field === undefined ? null : plainValue(field, values.value ?? field.typeDefault);
}

const WRAPPERS = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"] as const;

const WELL_KNOWN: Readonly<Record<string, (values: Values, type: protobuf.Type) => unknown>> = {
  ".google.protobuf.Timestamp": ({ seconds = 0, nanos = 0 }) =>
    Number(String(seconds)) * 1_000 + Math.floor(Number(nanos) / 1_000_000),
  ".confluent.type.Decimal": ({ value, scale = 0 }) =>
    value === undefined ? "0" : decimalText(value as Uint8Array, Math.max(0, Number(scale))),
  ...Object.fromEntries(WRAPPERS.map((kind) => [`.google.protobuf.${kind}Value`, wrapped])),
};
