import type { ClickHouse } from "../clickhouse/index.ts";
import { type AttributionSpec, attribute, isConversion, touchedPairs } from "./attribution.ts";
import { storeItems, storeUsers } from "./catalogue.ts";
import { insertNarrowing } from "./insert-narrowing.ts";
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
 * Stores a batch: events, then what they changed in attribution; catalogue, users, dead letters. Every step may be
 * repeated: after an error the whole batch is stored again.
 *
 * @throws ClickHouseError
 */
export async function store(
  clickhouse: ClickHouse,
  batch: Batch,
  rows: readonly EventRow[],
  spec: AttributionSpec,
): Promise<StoreResult> {
  const refusedEvents = await insertNarrowing(rows, (part) =>
    clickhouse.insert("events", part, EVENT_COLUMNS, batch.madeFrom),
  );
  const lost = new Set(refusedEvents.map((entry) => entry.row));
  const stored = lost.size === 0 ? rows : rows.filter((row) => !lost.has(row));
  const conversions = stored.filter((row) => isConversion(row, spec));
  await clickhouse.insert("attributed_checkouts", conversions.map(checkoutRow), undefined, batch.madeFrom);
  const pairs = touchedPairs(stored, spec);
  if (pairs !== null) await attribute(clickhouse, pairs, spec);
  const refusedItems = await storeItems(clickhouse, batch.items);
  const refusedUsers = await storeUsers(clickhouse, batch.users);
  await storeDeadLetters(clickhouse, batch.deadLetters, batch.madeFrom);
  return {
    refusedEvents: refusedEvents.length,
    refused: [
      ...refusedEvents.map(({ row, message }) => ({ source: row, message })),
      ...refusedItems.map(({ row, message }) => ({ source: row.source, message })),
      ...refusedUsers.map(({ row, message }) => ({ source: row.source, message })),
    ],
  };
}

export interface StoreResult {
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
