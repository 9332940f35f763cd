import type { ClickHouse } from "../clickhouse/index.ts";
import type { EventRow } from "./rows.ts";

export interface AttributionSpec {
  /** Events that may earn a conversion. */
  readonly touches: readonly string[];
  /** Events that are earned. */
  readonly conversions: readonly string[];
  /** How long before a conversion a touch counts, both ends included. */
  readonly windowSeconds: number;
}

/** The (actor, item) pairs whose answers a batch may change, and when those conversions lie. */
export interface TouchedPairs {
  readonly actors: readonly string[];
  readonly items: readonly string[];
  /** Milliseconds since 1970, both ends included. */
  readonly from: number;
  readonly to: number;
}

/** Which pairs must be asked again after these rows were stored; `null` when none. */
export function touchedPairs(rows: readonly EventRow[], spec: AttributionSpec): TouchedPairs | null {
  const relevant = new Set([...spec.touches, ...spec.conversions]);
  const seen = new Set<string>();
  const actors: string[] = [];
  const items: string[] = [];
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    if (row.item_id === "" || !relevant.has(row.event)) continue;
    from = Math.min(from, row.occurred_at);
    to = Math.max(to, row.occurred_at);
    const pair = `${row.actor_id.length}/${row.actor_id}${row.item_id}`;
    if (seen.has(pair)) continue;
    seen.add(pair);
    actors.push(row.actor_id);
    items.push(row.item_id);
  }
  return actors.length === 0 ? null : { actors, items, from, to: to + spec.windowSeconds * 1000 };
}

/**
 * Answers again, from the tables, which touch earned each conversion of the given pairs. The columns keep the minimum
 * and the maximum, so that no order of arrival, repeat or second writer can undo an answer: what is inserted here only
 * ever adds touches.
 */
const ATTRIBUTE = `
INSERT INTO attributed_checkouts (
  checkout_id, actor_id, user_id, item_id, occurred_at, price, quantity, currency, user_attributes, properties,
  first_touch, last_touch
)
WITH affected AS (
  SELECT
    checkout_id, actor_id, user_id, item_id, occurred_at, price, quantity, currency, user_attributes, properties
  FROM attributed_checkouts
  WHERE (actor_id, item_id) IN (SELECT arrayJoin(arrayZip({actors:Array(String)}, {items:Array(String)})))
    AND occurred_at BETWEEN fromUnixTimestamp64Milli({from:Int64}) AND fromUnixTimestamp64Milli({to:Int64})
  LIMIT 1 BY actor_id, item_id, checkout_id
)
SELECT
  checkout.checkout_id, checkout.actor_id, any(checkout.user_id), checkout.item_id, any(checkout.occurred_at),
  any(checkout.price), any(checkout.quantity), any(checkout.currency), any(checkout.user_attributes),
  any(checkout.properties),
  min((touch.occurred_at, touch.event_id)) AS first_touch,
  max((touch.occurred_at, touch.event_id)) AS last_touch
FROM (
  SELECT actor_id, item_id, occurred_at, event_id
  FROM touches
  WHERE (actor_id, item_id) IN (SELECT actor_id, item_id FROM affected)
    AND event IN {touches:Array(String)}
) AS touch
INNER JOIN affected AS checkout ON checkout.actor_id = touch.actor_id AND checkout.item_id = touch.item_id
WHERE touch.occurred_at <= checkout.occurred_at
  AND touch.occurred_at >= checkout.occurred_at - toIntervalSecond({window:UInt32})
GROUP BY checkout.actor_id, checkout.item_id, checkout.checkout_id`;

/** @throws ClickHouseError */
export async function attribute(clickhouse: ClickHouse, pairs: TouchedPairs, spec: AttributionSpec): Promise<void> {
  await clickhouse.command(ATTRIBUTE, {
    actors: pairs.actors,
    items: pairs.items,
    from: pairs.from,
    to: pairs.to,
    touches: spec.touches,
    window: spec.windowSeconds,
  });
}
