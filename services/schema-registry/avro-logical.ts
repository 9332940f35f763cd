/**
 * Avro's logical types as a mapping reads them: points in time as milliseconds since 1970 (`format: EpochMillis`), times
 * without a zone and dates as ISO 8601 text, decimals as decimal text.
 */
import type { AvroCursor } from "./avro-cursor.ts";
import { decimalText } from "./numbers.ts";

export type LogicalRead = (cursor: AvroCursor) => unknown;

interface Annotated {
  readonly type?: unknown;
  readonly logicalType?: unknown;
  readonly size?: unknown;
  readonly scale?: unknown;
}

const UNITS_PER_MILLISECOND: Readonly<Record<string, number>> = { millis: 1, micros: 1_000, nanos: 1_000_000 };
const DAY = 86_400_000;
const UUID_BYTES = 16;
/** ISO 8601 of a year of four digits. */
const DAY_CHARACTERS = 10;

/** `null`: no logical type that changes how the value is read, or one that does not fit its type. */
export function logicalRead({ type, logicalType, size, scale = 0 }: Annotated): LogicalRead | null {
  if (typeof logicalType !== "string") return null;
  if (logicalType === "decimal" && typeof scale === "number") {
    if (type === "bytes") return (cursor) => decimalText(cursor.bytes(), scale);
    return type === "fixed" && typeof size === "number" ? (cursor) => decimalText(cursor.take(size), scale) : null;
  }
  if (logicalType === "uuid" && type === "fixed" && size === UUID_BYTES) return (cursor) => uuid(cursor.take(size));
  if (logicalType === "date" && type === "int") {
    return (cursor) => isoText(Number(cursor.integer()) * DAY)?.slice(0, DAY_CHARACTERS) ?? null;
  }
  const [, local, unit = ""] = /^(local-)?timestamp-(millis|micros|nanos)$/.exec(logicalType) ?? [];
  const divisor = UNITS_PER_MILLISECOND[unit];
  if (divisor === undefined || type !== "long") return null;
  const milliseconds = (cursor: AvroCursor) => floored(cursor.integer(), divisor);
  return local === undefined ? milliseconds : (cursor) => isoText(milliseconds(cursor))?.slice(0, -1) ?? null;
}

function floored(value: number | string, divisor: number): number {
  if (typeof value === "number") return Math.floor(value / divisor);
  const [exact, by] = [BigInt(value), BigInt(divisor)];
  const remainder = exact % by;
  return Number((exact - (remainder < 0n ? remainder + by : remainder)) / by);
}

/** `undefined` for a time that no calendar has. */
function isoText(milliseconds: number): string | undefined {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function uuid(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
