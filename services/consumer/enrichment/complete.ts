import type { ClickHouse } from "../../clickhouse/index.ts";
import { type AttributionSpec, attribute, touchedPairs } from "../attribution.ts";
import { checkoutRow, type EventRow } from "../rows.ts";
import type { AttributeSource } from "./enrich.ts";

const PAGE = 5_000;

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
  const pending = await clickhouse.query<EventRow & { occurred_at: string }>(
    `SELECT * REPLACE (toUnixTimestamp64Milli(occurred_at) AS occurred_at)
     FROM events FINAL WHERE NOT enriched LIMIT {page:UInt32}`,
    { page: PAGE },
  );
  if (pending.length === 0) return 0;
  const keys = (column: "user_id" | "item_id") => [...new Set(pending.map((row) => row[column]))].filter(Boolean);
  const users = (await source.users?.(keys("user_id"))) ?? new Map();
  const items = (await source.items?.(keys("item_id"))) ?? new Map();
  const rows = pending.map((row) => ({
    ...row,
    occurred_at: Number(row.occurred_at),
    user_attributes: users.get(row.user_id) ?? {},
    item_attributes: items.get(row.item_id) ?? {},
    enriched: true,
    ingested_at: now,
  }));
  const conversions = rows.filter((row) => spec.conversions.includes(row.event));
  await clickhouse.insert("attributed_checkouts", conversions.map(checkoutRow));
  const pairs = touchedPairs(conversions, spec);
  if (pairs !== null) await attribute(clickhouse, pairs, spec);
  await clickhouse.insert("events", rows);
  return rows.length;
}
