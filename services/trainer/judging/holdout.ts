/** Where a period that models are judged on begins: they are fitted on what came before. */
import type { WorkTables } from "../work-tables.ts";

/** A holdout below either is too small to tell models apart, one above the largest leaves too little to fit on. */
const FEWEST_EVENTS = 100;
const SMALLEST_SHARE = 0.01;
const LARGEST_SHARE = 0.3;
/** Taken instead. */
const FALLBACK_SHARE = 0.1;

/**
 * `holdoutHours` before the watermark. Where that holds out fewer than 100 events or 1 % of them, or more than 30 %,
 * the youngest 10 % of the events instead (to the minute: events of one minute are not parted).
 *
 * @param activity table of ACTIVITY_COLUMNS
 * @returns milliseconds since 1970: events from then on are held out
 * @throws ClickHouseError
 */
export async function holdoutBoundary(
  work: WorkTables,
  activity: string,
  watermark: number,
  holdoutHours: number,
): Promise<number> {
  const boundary = watermark - holdoutHours * 3_600_000;
  const [row] = await work.clickhouse.query<{ events: string; held_out: string; fallback_minute: string }>(
    `
SELECT count() AS events, countIf(toUnixTimestamp64Milli(occurred_at) >= {boundary:Int64}) AS held_out,
  toInt64(quantileExactWeighted({quantile:Float64})(intDiv(toUnixTimestamp64Milli(occurred_at), 60000), 1)) AS fallback_minute
FROM ${activity}`,
    { boundary, quantile: 1 - FALLBACK_SHARE },
  );
  const events = Number(row?.events ?? 0);
  const heldOut = Number(row?.held_out ?? 0);
  const sensible = heldOut >= FEWEST_EVENTS && heldOut >= events * SMALLEST_SHARE && heldOut <= events * LARGEST_SHARE;
  return sensible ? boundary : Number(row?.fallback_minute ?? 0) * 60_000;
}
