import type { ClickHouse } from "../../clickhouse/index.ts";
import {
  type AttributionSpec,
  attribute,
  candidatesOf,
  isConversion,
  pairsToAsk,
  touchedPairs,
} from "../attribution.ts";
import { type Attributes, checkoutRow, EVENT_COLUMNS, type EventRow } from "../rows.ts";
import type { AttributeSource } from "./enrich.ts";

const PAGE = 5_000;

/** An event as the table gives it back: 64-bit integers and decimals as text. */
type StoredEvent = Omit<EventRow, "occurred_at" | "offset"> & { readonly occurred_at: string; readonly offset: string };

/**
 * Events that lack their attributes. Which those may be is told by one column of the raw table: where none are, nothing
 * else is read, and nothing is merged as FINAL would. Rows that were completed and
 * are not merged away yet are among them, so the latest row of each decides.
 */
const PENDING = `
WITH pending AS (
  SELECT actor_id, item_id, occurred_at, event_id
  FROM events
  WHERE (actor_id, item_id, occurred_at, event_id) GLOBAL IN (
    SELECT actor_id, item_id, occurred_at, event_id FROM events WHERE NOT enriched LIMIT {candidates:UInt32}
  )
  GROUP BY actor_id, item_id, occurred_at, event_id
  HAVING NOT argMax(enriched, ingested_at)
  LIMIT {page:UInt32}
)
SELECT * REPLACE (toUnixTimestamp64Milli(occurred_at) AS occurred_at)
FROM events
WHERE (actor_id, item_id, events.occurred_at, event_id) GLOBAL IN (pending)
ORDER BY ingested_at DESC
LIMIT 1 BY actor_id, item_id, events.occurred_at, event_id`;
const CANDIDATES = 1_000_000;

/**
 * Fills in what was stored while the source of attributes was away.
 *
 * @returns how many events were filled in; call again until it is 0
 * @throws ClickHouseError, or the source's error while it is still away
 */
export async function completeEnrichment(
  clickhouse: ClickHouse,
  source: AttributeSource,
  spec: AttributionSpec,
  now: number,
): Promise<number> {
  const pending = await clickhouse.query<StoredEvent>(PENDING, { page: PAGE, candidates: CANDIDATES });
  if (pending.length === 0) return 0;
  const keys = (column: "user_id" | "item_id") => [...new Set(pending.map((row) => row[column]))].filter(Boolean);
  const none: ReadonlyMap<string, Attributes> = new Map();
  const users = (await source.users?.(keys("user_id"))) ?? none;
  const items = (await source.items?.(keys("item_id"))) ?? none;
  const rows = pending.map((row) => ({
    ...row,
    occurred_at: Number(row.occurred_at),
    offset: Number(row.offset),
    user_attributes: users.get(row.user_id) ?? {},
    item_attributes: items.get(row.item_id) ?? {},
    enriched: true,
    ingested_at: now,
  }));
  const conversions = rows.filter((row) => isConversion(row, spec));
  await clickhouse.insert("attributed_checkouts", conversions.map(checkoutRow));
  const pairs = touchedPairs(conversions, spec);
  if (pairs !== null) {
    const asked = pairsToAsk(pairs, await candidatesOf(clickhouse, pairs));
    await attribute(clickhouse, asked, pairs, spec);
  }
  await clickhouse.insert("events", rows, EVENT_COLUMNS);
  return rows.length;
}
