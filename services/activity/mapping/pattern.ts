import { DateTime, FixedOffsetZone } from "luxon";
import { civilMillis, digitsAt } from "./civil-time.ts";
import type { ZoneResolver } from "./zone.ts";

/** Fixed: month and weekday names are English wherever the process runs. */
const LOCALE = "en-US";
const UTC = FixedOffsetZone.instance(0);
const MAX_LENGTH = 256;

const FIELDS_BY_LETTER: Readonly<Record<string, readonly string[]>> = {
  y: ["y", "yy", "yyyy", "yyyyy", "yyyyyy"],
  M: ["M", "MM", "MMM", "MMMM"],
  L: ["L", "LL", "LLL", "LLLL"],
  d: ["d", "dd"],
  o: ["o", "ooo"],
  E: ["EEE", "EEEE"],
  H: ["H", "HH"],
  h: ["h", "hh"],
  a: ["a"],
  m: ["m", "mm"],
  s: ["s", "ss"],
  S: ["S", "SSS"],
  u: ["u"],
  Z: ["Z", "ZZ", "ZZZ"],
};

/**
 * Compiles a Unicode date pattern in luxon's dialect: `yyyy-MM-dd HH:mm:ss.SSS`, `dd/MMM/yyyy h:mm a`, ... with
 * letters that stand for themselves in single quotes, `u` for a fraction of any length, `ZZ` for `+01:00` and `ZZZ` for
 * `+0100`. What the pattern leaves out is the first of its kind (month 1, hour 0).
 *
 * Patterns of fixed width are read at fixed places; all others, and every text that does not fit, by luxon.
 *
 * @param zone of texts without an offset.
 * @returns text -> milliseconds since 1970, UTC; `NaN` when the text does not fit.
 * @throws SyntaxError for a pattern that can never give a time.
 */
export function compilePattern(pattern: string, zone: ZoneResolver): (text: string) => number {
  const fields = fieldsOf(pattern);
  const hasOffset = fields.some((field) => field.startsWith("Z"));
  const parser = DateTime.buildFormatParser(pattern, { locale: LOCALE });
  const parseWithLuxon = (text: string) => {
    if (text.length > MAX_LENGTH) return Number.NaN;
    const parsed = DateTime.fromFormatParser(text, parser, { zone: UTC, locale: LOCALE }).toMillis();
    return hasOffset || Number.isNaN(parsed) ? parsed : zone(parsed);
  };
  const parseFixed = compileFixedWidth(pattern);
  if (parseFixed === null) return parseWithLuxon;
  return (text) => {
    const civil = parseFixed(text);
    return Number.isNaN(civil) ? parseWithLuxon(text) : zone(civil);
  };
}

function fieldsOf(pattern: string): string[] {
  if (pattern.split("'").length % 2 === 0) throw new SyntaxError(`a single quote of "${pattern}" is not closed`);
  const fields: string[] = pattern.replaceAll(/'[^']*'/g, "'").match(/([A-Za-z])\1*/g) ?? [];
  for (const field of fields) {
    const known = FIELDS_BY_LETTER[field.charAt(0)];
    if (known?.includes(field)) continue;
    throw new SyntaxError(
      known === undefined
        ? `"${field}" in "${pattern}" is no field: write '${field}' in single quotes when it stands for itself` +
            (/^[Xxz]/.test(field) ? "; an offset is ZZ (+01:00) or ZZZ (+0100), or use format: ISO8601" : "")
        : `"${field}" in "${pattern}" is no field: ${known.join(", ")} are` +
            (field.startsWith("S") ? "; u reads a fraction of any length" : ""),
    );
  }
  const has = (letters: string) => fields.some((field) => letters.includes(field.charAt(0)));
  if (!has("y")) throw new SyntaxError(`"${pattern}" has no year: add yyyy`);
  if (has("o") && has("MLd"))
    throw new SyntaxError(`"${pattern}" has a day of the year (o) beside month or day: keep one`);
  if (has("H") && has("a")) throw new SyntaxError(`"${pattern}" has AM/PM (a) with a 24-hour field: use h or hh`);
  return fields;
}

interface FixedPlaces {
  yyyy: number;
  MM: number;
  dd: number;
  HH: number;
  mm: number;
  ss: number;
  SSS: number;
}

/** Text -> civil milliseconds for patterns of fixed-width numbers and literals, each number once; `null` for others. */
function compileFixedWidth(pattern: string): ((text: string) => number) | null {
  const places: FixedPlaces = { yyyy: -1, MM: -1, dd: -1, HH: -1, mm: -1, ss: -1, SSS: -1 };
  const literals: { at: number; code: number }[] = [];
  let length = 0;
  for (const [part] of pattern.matchAll(/'[^']*'|([A-Za-z])\1*|[^A-Za-z']/g)) {
    if (part in places) {
      const field = part as keyof FixedPlaces;
      if (places[field] >= 0) return null;
      places[field] = length;
      length += part.length;
      continue;
    }
    if (/^[A-Za-z]/.test(part) || part === "''") return null;
    const literal = part.startsWith("'") ? part.slice(1, -1) : part;
    for (let i = 0; i < literal.length; i++) literals.push({ at: length + i, code: literal.charCodeAt(i) });
    length += literal.length;
  }
  if (places.yyyy < 0) return null;
  const read = (text: string, at: number, count: number, absent: number) =>
    at < 0 ? absent : digitsAt(text, at, count);
  return (text) => {
    if (text.length !== length) return Number.NaN;
    for (const { at, code } of literals) if (text.charCodeAt(at) !== code) return Number.NaN;
    return civilMillis(
      digitsAt(text, places.yyyy, 4),
      read(text, places.MM, 2, 1),
      read(text, places.dd, 2, 1),
      read(text, places.HH, 2, 0),
      read(text, places.mm, 2, 0),
      read(text, places.ss, 2, 0),
      read(text, places.SSS, 3, 0),
    );
  };
}
