import type { ClickHouse } from "../clickhouse/index.ts";
import { inParts } from "./parts.ts";
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
  readonly pairs: ReadonlyMap<string, Pair>;
  /** Keys of those with a touch in the batch. */
  readonly earning: ReadonlySet<string>;
  /** Milliseconds since 1970, both ends included. */
  readonly from: number;
  readonly to: number;
}

export interface Pair {
  readonly actor_id: string;
  readonly item_id: string;
}

/** Whether a row stands in `attributed_checkouts`. */
export function isConversion(row: EventRow, spec: AttributionSpec): boolean {
  return row.item_id !== "" && spec.conversions.includes(row.event);
}

/** Which pairs must be asked again after these rows were stored; `null` when none. */
export function touchedPairs(rows: readonly EventRow[], spec: AttributionSpec): TouchedPairs | null {
  const touches = new Set(spec.touches);
  const conversions = new Set(spec.conversions);
  const pairs = new Map<string, Pair>();
  const earning = new Set<string>();
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    const isTouch = touches.has(row.event);
    if (row.item_id === "" || !(isTouch || conversions.has(row.event))) continue;
    from = Math.min(from, row.occurred_at);
    to = Math.max(to, row.occurred_at);
    const key = pairKey(row);
    pairs.set(key, row);
    if (isTouch) earning.add(key);
  }
  return pairs.size === 0 ? null : { pairs, earning, from, to: to + spec.windowSeconds * 1000 };
}

/** Different for different pairs, whatever characters the ids have. */
export function pairKey({ actor_id, item_id }: Pair): string {
  return `${actor_id.length}/${actor_id}${item_id}`;
}

/** Above as many, it is cheaper to ask for all touched pairs than to find out which of them have a conversion. */
const MAX_CANDIDATES = 20_000;

/** Pairs with a conversion in the time that the batch bears on: mostly few, since most touches earn nothing. */
const CANDIDATES = `
SELECT DISTINCT actor_id, item_id FROM attributed_checkouts
WHERE occurred_at BETWEEN fromUnixTimestamp64Milli({from:Int64}) AND fromUnixTimestamp64Milli({to:Int64})
LIMIT {limit:UInt32}`;

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
WITH pairs AS (SELECT arrayJoin(arrayZip({actors:Array(String)}, {items:Array(String)})))
SELECT
  checkout.checkout_id, checkout.actor_id, any(checkout.user_id), checkout.item_id, any(checkout.occurred_at),
  any(checkout.price), any(checkout.quantity), any(checkout.currency), any(checkout.user_attributes),
  any(checkout.properties),
  min((touch.occurred_at, touch.event_id)) AS first_touch,
  max((touch.occurred_at, touch.event_id)) AS last_touch
FROM (
  SELECT actor_id, item_id, occurred_at, event_id
  FROM touches
  WHERE (actor_id, item_id) IN (pairs) AND event IN {touches:Array(String)}
) AS touch
INNER JOIN (
  SELECT
    checkout_id, actor_id, user_id, item_id, occurred_at, price, quantity, currency, user_attributes, properties
  FROM attributed_checkouts FINAL
  WHERE (actor_id, item_id) IN (pairs)
    AND occurred_at BETWEEN fromUnixTimestamp64Milli({from:Int64}) AND fromUnixTimestamp64Milli({to:Int64})
) AS checkout ON checkout.actor_id = touch.actor_id AND checkout.item_id = touch.item_id
WHERE touch.occurred_at <= checkout.occurred_at
  AND touch.occurred_at >= checkout.occurred_at - toIntervalSecond({window:UInt32})
GROUP BY checkout.actor_id, checkout.item_id, checkout.checkout_id`;

/**
 * The pairs with a conversion in the time that the batch bears on, whether the batch touched them or not; `null`: too many
 * to tell.
 *
 * @throws ClickHouseError
 */
export async function candidatesOf(
  clickhouse: ClickHouse,
  { from, to }: TouchedPairs,
): Promise<readonly Pair[] | null> {
  const candidates = await clickhouse.query<Pair>(CANDIDATES, { from, to, limit: MAX_CANDIDATES });
  return candidates.length < MAX_CANDIDATES ? candidates : null;
}

/** Those of the touched pairs that are candidates. */
export function pairsToAsk({ pairs }: TouchedPairs, candidates: readonly Pair[] | null): readonly Pair[] {
  return candidates?.filter((pair) => pairs.has(pairKey(pair))) ?? [...pairs.values()];
}

/** Answers the conversions of pairs again, by what their own actor did. @throws ClickHouseError */
export async function attribute(
  clickhouse: ClickHouse,
  pairs: readonly Pair[],
  { from, to }: TouchedPairs,
  spec: AttributionSpec,
): Promise<void> {
  for (const part of inParts(pairs, ({ actor_id, item_id }) => [actor_id, item_id])) {
    await clickhouse.command(ATTRIBUTE, {
      actors: part.map((pair) => pair.actor_id),
      items: part.map((pair) => pair.item_id),
      from,
      to,
      touches: spec.touches,
      window: spec.windowSeconds,
    });
  }
}
