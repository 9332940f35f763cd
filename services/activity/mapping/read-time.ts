/** Reading the times of a record: parsed, within their range, or a fault that says what was probably meant. */

import { type Reading, shown } from "./reading.ts";
import { epochFormatsWithin, type TimeParser } from "./time.ts";
import { placeOf, readRaw, type Source } from "./values.ts";

const DAY = 86_400_000;
/** Of activity: 2000-01-01. */
export const EARLIEST_ACTIVITY = Date.UTC(2000, 0, 1);
/** Of other times: the years that a DateTime64 column holds. */
const EARLIEST_STORABLE = Date.UTC(1900, 0, 1);
const LATEST_STORABLE = Date.UTC(2299, 11, 31);

/** When an activity was: 2000-01-01 to one day ahead of the clock. `NaN` when absent or at fault. */
export function readOccurredAt(reading: Reading, source: Source, parser: TimeParser): number {
  return readTimeWithin(reading, source, parser, EARLIEST_ACTIVITY, reading.now + DAY);
}

/** Any other time, 1900 to 2299. `undefined` when absent or at fault. */
export function readTime(reading: Reading, source: Source, parser: TimeParser): number | undefined {
  const time = readTimeWithin(reading, source, parser, EARLIEST_STORABLE, LATEST_STORABLE);
  return Number.isNaN(time) ? undefined : time;
}

/** The log record's own time, where its content has none. */
export function readRecordTime(reading: Reading): number {
  const time = reading.record.timestamp;
  if (time >= EARLIEST_ACTIVITY && time <= reading.now + DAY) return time;
  const range = rangeText(EARLIEST_ACTIVITY, reading.now + DAY);
  reading.reject(
    "time_out_of_range",
    "",
    `the log record's own time ${timeText(time)} is outside ${range}: map occurredAt, or mend the producer's clock`,
  );
  return Number.NaN;
}

function readTimeWithin(
  reading: Reading,
  source: Source,
  parser: TimeParser,
  earliest: number,
  latest: number,
): number {
  const value = readRaw(reading, source);
  if (value === undefined) return Number.NaN;
  const time = parser.parse(value);
  if (time >= earliest && time <= latest) return time;
  const place = placeOf(reading, source);
  if (Number.isNaN(time)) {
    reading.reject("time_unparsable", place, `${source.field}: ${shown(value)} is not ${parser.expected}`);
    return time;
  }
  const likely = epochFormatsWithin(value, EARLIEST_ACTIVITY, latest);
  const hint = likely.length > 0 ? `; it would be within as ${likely.join(" or ")}` : "";
  const range = rangeText(earliest, latest);
  const message = `${source.field}: ${shown(value)} as ${parser.expected} is ${timeText(time)}, outside ${range}${hint}`;
  reading.reject("time_out_of_range", place, message);
  return Number.NaN;
}

function timeText(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}

function rangeText(earliest: number, latest: number): string {
  return `${timeText(earliest).slice(0, 10)} to ${timeText(latest).slice(0, 10)}`;
}
