import { parseIso8601 } from "./iso8601.ts";
import { compilePattern } from "./pattern.ts";
import type { OccurredAtSpec, TimeFormat } from "./topic-spec.ts";
import { compileZone, type ZoneResolver } from "./zone.ts";

/** How a JSON value becomes milliseconds since 1970, UTC. */
export interface TimeParser {
  /** `NaN` when the value is no time of this format. */
  readonly parse: (value: unknown) => number;
  /** The format as it is named in messages. */
  readonly expected: string;
}

const MILLIS_PER_UNIT = { EpochSeconds: 1000, EpochMillis: 1, EpochMicros: 0.001 } as const;
type EpochFormat = keyof typeof MILLIS_PER_UNIT;

/** A decimal number as JSON, CSV and databases write it. */
const NUMERIC = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?\s*$/i;

/** A number, or a text that is one in decimal notation; `NaN` for everything else. */
export function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.length <= 64 && NUMERIC.test(value) ? Number(value) : Number.NaN;
}

/**
 * Compiles the time of a topic's records.
 *
 * @throws RangeError for an unknown time zone, SyntaxError for a pattern that can give no time.
 */
export function compileTime(spec: Omit<OccurredAtSpec, "path">): TimeParser {
  const { format, pattern, timeZone } = spec;
  const zone = compileZone(timeZone);
  if (format === "ISO8601") {
    return { parse: (value) => (typeof value === "string" ? parseIso8601(value, zone) : Number.NaN), expected: format };
  }
  if (format === "Pattern") {
    if (pattern === undefined || pattern === "") throw new SyntaxError("format: Pattern needs a pattern");
    return compileTextPattern(pattern, zone, `Pattern ${pattern} in ${timeZone}`);
  }
  return { parse: compileEpoch(format), expected: format };
}

/** ISO 8601 text or epoch milliseconds: the times in ProductMatcher's own JSON and in catalogue attributes. */
export const ISO_OR_MILLIS: TimeParser = {
  parse: (value) => (typeof value === "string" ? parseIso8601(value, (civil) => civil) : epochMillis(value, 1)),
  expected: "ISO8601 text or epoch milliseconds",
};

/** Epoch formats in which a number would fall between `from` and `to` (milliseconds): what a sender probably meant. */
export function epochFormatsWithin(value: unknown, from: number, to: number): TimeFormat[] {
  const formats = Object.keys(MILLIS_PER_UNIT) as EpochFormat[];
  return formats.filter((format) => {
    const millis = epochMillis(value, MILLIS_PER_UNIT[format]);
    return millis >= from && millis <= to;
  });
}

function compileTextPattern(pattern: string, zone: ZoneResolver, expected: string): TimeParser {
  const parseText = compilePattern(pattern, zone);
  const parse = (value: unknown) => {
    if (typeof value === "string") return parseText(value);
    return Number.isSafeInteger(value) ? parseText(String(value)) : Number.NaN;
  };
  return { parse, expected };
}

function compileEpoch(format: EpochFormat): (value: unknown) => number {
  const millisPerUnit = MILLIS_PER_UNIT[format];
  return (value) => epochMillis(value, millisPerUnit);
}

function epochMillis(value: unknown, millisPerUnit: number): number {
  const millis = Math.round(numberOf(value) * millisPerUnit);
  return Number.isFinite(millis) ? millis : Number.NaN;
}
