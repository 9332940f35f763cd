import { DateTime, FixedOffsetZone } from "luxon";
import { civilMillis, digitsAt } from "./civil-time.ts";
import type { ZoneResolver } from "./zone.ts";

const UTC = FixedOffsetZone.instance(0);
const UTC_PLUS_ONE = FixedOffsetZone.instance(60);
/** More than any date needs; luxon's expressions should not see a megabyte. */
const MAX_LENGTH = 64;

const DOT = 46;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const SPACE = 32;
const T = 84;
const Z = 90;

/**
 * Parses ISO 8601 (and RFC 3339, which allows a space for the `T`): milliseconds since 1970, UTC; `NaN` when it is
 * none. Digits below the millisecond are cut. Text without an offset is civil time of `zone`. A time without a date
 * is none, since it would need today's.
 */
export function parseIso8601(text: string, zone: ZoneResolver): number {
  const common = parseCommon(text, zone);
  return Number.isNaN(common) ? parseAny(text, zone) : common;
}

/** `yyyy-MM-dd?HH:mm:ss[.digits][Z|+hh:mm|-hh:mm]`, `?` being T or a space; `NaN` for everything else. */
function parseCommon(text: string, zone: ZoneResolver): number {
  const separator = text.charCodeAt(10);
  if (separator !== T && separator !== SPACE) return Number.NaN;
  if (text.charCodeAt(4) !== MINUS || text.charCodeAt(7) !== MINUS) return Number.NaN;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return Number.NaN;
  let at = 19;
  let millisecond = 0;
  if (text.charCodeAt(at) === DOT) {
    millisecond = digitsAt(text, at + 1, 3);
    at += 4;
    while (at < MAX_LENGTH && digitsAt(text, at, 1) >= 0) at++;
  }
  const civil = civilMillis(
    digitsAt(text, 0, 4),
    digitsAt(text, 5, 2),
    digitsAt(text, 8, 2),
    digitsAt(text, 11, 2),
    digitsAt(text, 14, 2),
    digitsAt(text, 17, 2),
    millisecond,
  );
  if (at === text.length) return Number.isNaN(civil) ? civil : zone(civil);
  const sign = text.charCodeAt(at);
  if (sign === Z) return at + 1 === text.length ? civil : Number.NaN;
  if ((sign !== PLUS && sign !== MINUS) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON)
    return Number.NaN;
  const hours = digitsAt(text, at + 1, 2);
  const minutes = digitsAt(text, at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN;
  return civil - (sign === MINUS ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function parseAny(text: string, zone: ZoneResolver): number {
  if (text.length > MAX_LENGTH || !/^([+-]\d{6}|\d{4})/.test(text)) return Number.NaN;
  const iso = /^\d{4}-\d\d-\d\d \d/.test(text) ? text.replace(" ", "T") : text;
  const asUtc = DateTime.fromISO(iso, { zone: UTC, locale: "en-US" }).toMillis();
  // Only a text that carries its own offset means the same instant wherever it is read.
  const elsewhere = DateTime.fromISO(iso, { zone: UTC_PLUS_ONE, locale: "en-US" }).toMillis();
  return asUtc === elsewhere || Number.isNaN(asUtc) ? asUtc : zone(asUtc);
}
