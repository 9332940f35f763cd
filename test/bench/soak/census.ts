/** Counts what is in the tables against what was sent, event by event. */
import type { TestedPipeline } from "../../kafka/pipeline.ts";
import { idOf } from "../ingest/activity.ts";

/** Ids compared at a time: so many texts are in memory. */
const PAGE = 100_000;

export interface Census {
  /** Different ids that were sent and are there. */
  readonly stored: number;
  /** Ids that were sent and are nowhere. */
  readonly lost: number;
  /** Ids that nobody sent. */
  readonly unknown: number;
  /** Rows above one for an id. */
  readonly doubled: number;
  readonly deadLetters: number;
  readonly checkouts: number;
}

/** @param events the numbers of 0 to below this were sent */
export async function takeCensus({ query }: TestedPipeline, events: number): Promise<Census> {
  const count = async (sql: string) => Number((await query<{ rows: string }>(sql))[0]?.rows);
  let stored = 0;
  for (let from = 0; from < events; from += PAGE) {
    const to = Math.min(from + PAGE, events);
    const rows = await query<{ id: string }>(
      `SELECT DISTINCT event_id AS id FROM events
       WHERE reinterpretAsUInt64(reverse(unhex(right(event_id, 12)))) >= ${from}
         AND reinterpretAsUInt64(reverse(unhex(right(event_id, 12)))) < ${to}`,
    );
    const ids = new Set(rows.map(({ id }) => id));
    for (let number = from; number < to; number += 1) if (ids.has(idOf(number))) stored += 1;
  }
  const rows = await count("SELECT count() AS rows FROM events FINAL");
  const ids = await count("SELECT uniqExact(event_id) AS rows FROM events");
  const letters = await count("SELECT count() AS rows FROM dead_letters FINAL");
  const letterIds = await count("SELECT uniqExact(id) AS rows FROM dead_letters");
  const checkouts = await count("SELECT count() AS rows FROM attributed_checkouts FINAL");
  const checkoutIds = await count("SELECT uniqExact(checkout_id) AS rows FROM attributed_checkouts");
  return {
    stored,
    lost: events - stored,
    unknown: ids - stored,
    doubled: rows - ids + letters - letterIds + checkouts - checkoutIds,
    deadLetters: letterIds,
    checkouts: checkoutIds,
  };
}
