import type { ClickHouse } from "../clickhouse/index.ts";
import { inSpan } from "../telemetry/index.ts";
import {
  type AttributionSpec,
  attribute,
  candidatesOf,
  isConversion,
  pairKey,
  pairsToAsk,
  type TouchedPairs,
  touchedPairs,
} from "./attribution.ts";
import { storeItems, storeUsers } from "./catalogue.ts";
import { joinPast, joinTouched, storeLinks } from "./identities.ts";
import { insertNarrowing } from "./insert-narrowing.ts";
import { KnownLinks, linksOf, type SelectedLinks } from "./known-links.ts";
import { takeBackOrders } from "./orders.ts";
import { type Answer, type AttributionOutcomes, answersOf, outcomes } from "./outcomes.ts";
import type { Batch } from "./prepare.ts";
import {
  checkoutRow,
  DEAD_LETTER_COLUMNS,
  type DeadLetterRow,
  EVENT_COLUMNS,
  type EventRow,
  type Source,
} from "./rows.ts";

/**
 * Stores a batch: events, then what they changed in attribution and orders; catalogue, users, dead letters. Every step
 * may be repeated: after an error the whole batch is stored again.
 *
 * @param known links that need no work again
 * @throws ClickHouseError
 */
export async function store(
  clickhouse: ClickHouse,
  batch: Batch,
  rows: readonly EventRow[],
  spec: AttributionSpec,
  known = new KnownLinks(),
): Promise<StoreResult> {
  const refusedEvents = await insertNarrowing(rows, (part) =>
    clickhouse.insert("events", part, EVENT_COLUMNS, batch.madeFrom),
  );
  const lost = new Set(refusedEvents.map((entry) => entry.row));
  const stored = lost.size === 0 ? rows : rows.filter((row) => !lost.has(row));
  const conversions = stored.filter((row) => isConversion(row, spec));
  await clickhouse.insert("attributed_checkouts", conversions.map(checkoutRow), undefined, batch.madeFrom);
  const links = known.select(linksOf(stored.map(idsOf)));
  await storeLinks(clickhouse, [...links.fresh, ...links.renewed]);
  const touched = touchedPairs(stored, spec);
  const attributes = { "productmatcher.pairs": touched?.pairs.size ?? 0 };
  const attribution = await inSpan("attribute", { attributes }, async () => {
    const before = touched === null ? null : await attributeTouched(clickhouse, touched, spec);
    await joinPast(clickhouse, links.fresh, spec);
    if (touched === null || before === null) return outcomes([], [], []);
    const pairs = new Map([...conversions, ...before].map((pair) => [pairKey(pair), pair]));
    return outcomes(conversions, before, await answersOf(clickhouse, pairs.values(), touched));
  });
  const derived = await takeBackOrders(clickhouse, stored);
  const refusedItems = await storeItems(clickhouse, batch.items);
  const refusedUsers = await storeUsers(clickhouse, batch.users);
  await storeDeadLetters(clickhouse, batch.deadLetters, batch.madeFrom);
  return {
    derived,
    links,
    attribution,
    refusedEvents: refusedEvents.length,
    refused: [
      ...refusedEvents.map(({ row, message }) => ({ source: row, message })),
      ...refusedItems.map(({ row, message }) => ({ source: row.source, message })),
      ...refusedUsers.map(({ row, message }) => ({ source: row.source, message })),
    ],
  };
}

/** @returns what the conversions of pairs with a touch in the batch were attributed to before */
async function attributeTouched(
  clickhouse: ClickHouse,
  touched: TouchedPairs,
  spec: AttributionSpec,
): Promise<readonly Answer[]> {
  const candidates = await candidatesOf(clickhouse, touched);
  const asked = pairsToAsk(touched, candidates);
  const earning = asked.filter((pair) => touched.earning.has(pairKey(pair)));
  const before = await answersOf(clickhouse, earning, touched);
  await attribute(clickhouse, asked, touched, spec);
  await joinTouched(clickhouse, touched, candidates, spec);
  return before;
}

function idsOf({ user_id, anonymous_id, occurred_at }: EventRow) {
  return { userId: user_id, anonymousId: anonymous_id, occurredAt: occurred_at };
}

export interface StoreResult {
  /** Events that followed from the stored ones, and are stored too. */
  readonly derived: readonly EventRow[];
  readonly attribution: AttributionOutcomes;
  /** Links that are stored and joined now. */
  readonly links: SelectedLinks;
  /** Event rows that ClickHouse refused. */
  readonly refusedEvents: number;
  /** Every row that it refused, with the place of the record that it came from. */
  readonly refused: readonly { readonly source: Source; readonly message: string }[];
}

/** @param madeFrom the partitions and offsets of the batch */
export async function storeDeadLetters(
  clickhouse: ClickHouse,
  rows: readonly DeadLetterRow[],
  madeFrom: string,
): Promise<void> {
  await clickhouse.insert("dead_letters", rows, DEAD_LETTER_COLUMNS, madeFrom);
}
