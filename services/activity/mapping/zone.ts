import { LRUCache } from "lru-cache";
import { IANAZone } from "luxon";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Half a year of hours: a stream stays within a few, an import walks through them in order. */
const CACHED_HOURS = 4096;

/** Civil milliseconds (as if UTC) of a time zone -> milliseconds since 1970, UTC. */
export type ZoneResolver = (civil: number) => number;

/**
 * Compiles a time zone. Of a civil time that occurs twice (clocks set back) the earlier instant is taken; one that
 * never occurs (clocks set forward) is moved on by the length of the gap. Neither depends on the present, as luxon's
 * own choice does.
 *
 * @param name IANA name, for example `Europe/Paris`.
 * @throws RangeError for a name that the platform's time zone data does not have.
 */
export function compileZone(name: string): ZoneResolver {
  if (!IANAZone.isValidZone(name)) {
    throw new RangeError(`"${name}" is no IANA time zone; write a name such as Europe/Paris or Etc/UTC`);
  }
  if (/^(UTC|(Etc\/)?(GMT|UTC|UCT|Universal|Zulu))$/i.test(name)) return (civil) => civil;
  const zone = IANAZone.create(name);
  const offset = (utc: number) => zone.offset(utc) * MINUTE;
  const steadyOffsets = new LRUCache<number, number>({ max: CACHED_HOURS });
  return (civil) => {
    const hour = Math.floor(civil / HOUR);
    const steady = steadyOffsets.get(hour);
    if (steady !== undefined) return civil - steady;
    // No offset reaches a day, so these two instants enclose the one that is sought.
    const before = offset(hour * HOUR - DAY);
    const after = offset((hour + 1) * HOUR + DAY);
    if (before === after) {
      steadyOffsets.set(hour, before);
      return civil - before;
    }
    return resolveNearTransition(civil, before, after, offset);
  };
}

function resolveNearTransition(civil: number, before: number, after: number, offset: (utc: number) => number): number {
  const early = civil - before;
  if (offset(early) === before) {
    const late = civil - after;
    return offset(late) === after ? Math.min(early, late) : early;
  }
  return offset(civil - after) === after ? civil - after : early;
}
