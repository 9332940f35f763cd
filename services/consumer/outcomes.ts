/** What became of conversions in attribution, for those who watch it. */
import type { ClickHouse } from "../clickhouse/index.ts";
import { type Pair, pairKey, type TouchedPairs } from "./attribution.ts";
import { inParts } from "./parts.ts";
import type { EventRow } from "./rows.ts";

export interface AttributionOutcomes {
  /** Conversions of the batch that a touch has earned. */
  readonly found: number;
  /** Conversions of the batch without one. */
  readonly none: number;
  /** Conversions of earlier batches whose first or last touch came with this one, of the same actor; none in a repeat. */
  readonly corrected: number;
}

/** A conversion and the ids of its touches; "" for none. */
export interface Answer extends Pair {
  readonly checkout_id: string;
  readonly first: string;
  readonly last: string;
}

function answerKey(answer: Pick<Answer, "actor_id" | "item_id" | "checkout_id">): string {
  return `${answer.checkout_id.length}/${answer.checkout_id}${pairKey(answer)}`;
}

/**
 * Of these pairs' conversions in the time that a batch bears on, with the touches of all that the buyer is. Reads a few keys
 * of two tables, and not touches.
 */
const ANSWERS = `
WITH pairs AS (SELECT arrayJoin(arrayZip({actors:Array(String)}, {items:Array(String)})))
SELECT
  actor_id, item_id, checkout_id,
  tupleElement(min(first_touch), 2) AS first,
  tupleElement(max(last_touch), 2) AS last
FROM (
  SELECT actor_id, item_id, checkout_id, first_touch, last_touch FROM attributed_checkouts
  WHERE (actor_id, item_id) IN (pairs)
    AND occurred_at BETWEEN fromUnixTimestamp64Milli({from:Int64}) AND fromUnixTimestamp64Milli({to:Int64})
  UNION ALL
  SELECT actor_id, item_id, checkout_id, first_touch, last_touch FROM joined_touches
  WHERE (actor_id, item_id) IN (pairs)
    AND occurred_at BETWEEN fromUnixTimestamp64Milli({from:Int64}) AND fromUnixTimestamp64Milli({to:Int64})
)
GROUP BY actor_id, item_id, checkout_id`;

/** @throws ClickHouseError */
export async function answersOf(
  clickhouse: ClickHouse,
  pairs: Iterable<Pair>,
  { from, to }: Pick<TouchedPairs, "from" | "to">,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const part of inParts(pairs, ({ actor_id, item_id }) => [actor_id, item_id])) {
    const actors = part.map(({ actor_id }) => actor_id);
    const items = part.map(({ item_id }) => item_id);
    answers.push(...(await clickhouse.query<Answer>(ANSWERS, { actors, items, from, to })));
  }
  return answers;
}

/**
 * @param own conversions of the batch
 * @param before answers of pairs that the batch touched, before it was attributed
 * @param after answers of all these pairs and of the batch's own
 */
export function outcomes(
  own: readonly EventRow[],
  before: readonly Answer[],
  after: readonly Answer[],
): AttributionOutcomes {
  const answers = new Map(after.map((answer) => [answerKey(answer), answer]));
  const ofBatch = new Set(
    own.map(({ actor_id, item_id, event_id }) => answerKey({ actor_id, item_id, checkout_id: event_id })),
  );
  const found = [...ofBatch].filter((key) => (answers.get(key)?.first ?? "") !== "").length;
  const corrected = before.filter((known) => {
    const key = answerKey(known);
    const now = answers.get(key);
    return !ofBatch.has(key) && now !== undefined && (now.first !== known.first || now.last !== known.last);
  });
  return { found, none: ofBatch.size - found, corrected: corrected.length };
}
