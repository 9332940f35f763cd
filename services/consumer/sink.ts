import type { ClickHouse } from "../clickhouse/index.ts";
import { type AttributionSpec, attribute, touchedPairs } from "./attribution.ts";
import type { Batch } from "./prepare.ts";
import {
  checkoutRow,
  DEAD_LETTER_COLUMNS,
  type DeadLetterRow,
  type EventRow,
  type ItemRow,
  mergeItem,
  mergeUser,
  type UserRow,
} from "./rows.ts";

/** A row that ClickHouse itself refused, although it passed every check before. */
export interface RefusedRow<Row> {
  readonly row: Row;
  readonly message: string;
}

/**
 * Codes by which ClickHouse says that the data of an insert is at fault, not the server: 6 cannot parse text,
 * 26 quoted string, 27 assertion of input, 41 date time, 53 type mismatch, 69 argument out of bound, 70 cannot convert,
 * 72 number, 117 incorrect data, 131 too large string, 190 sizes of arrays, 321 null for a plain column, 349 the same,
 * 407 decimal overflow.
 */
const DATA_CODES = new Set([6, 26, 27, 41, 53, 69, 70, 72, 117, 131, 190, 321, 349, 407]);

export function blamesData(error: unknown): boolean {
  return error instanceof Error && "code" in error && DATA_CODES.has(Number(error.code));
}

/**
 * Inserts rows; where ClickHouse refuses the data, narrows it down by halves, so that only the rows at fault stay out.
 *
 * @throws whatever else goes wrong: then nothing is known of the rows, and the same call is to be made again
 */
export async function insertNarrowing<Row extends object>(
  rows: readonly Row[],
  insert: (rows: readonly Row[]) => Promise<void>,
): Promise<RefusedRow<Row>[]> {
  try {
    await insert(rows);
    return [];
  } catch (error) {
    if (!blamesData(error)) throw error;
    const [only] = rows;
    if (rows.length === 1 && only !== undefined) return [{ row: only, message: (error as Error).message }];
    const middle = Math.ceil(rows.length / 2);
    const first = await insertNarrowing(rows.slice(0, middle), insert);
    return [...first, ...(await insertNarrowing(rows.slice(middle), insert))];
  }
}

/**
 * Stores a batch: events, then what they changed in attribution; catalogue, users, dead letters. Every step may be
 * repeated: after an error the whole batch is stored again.
 *
 * @returns event rows that ClickHouse refused
 * @throws ClickHouseError
 */
export async function store(
  clickhouse: ClickHouse,
  batch: Batch,
  rows: readonly EventRow[],
  spec: AttributionSpec,
): Promise<RefusedRow<EventRow>[]> {
  const refused = await insertNarrowing(rows, (part) => clickhouse.insert("events", part));
  const lost = new Set(refused.map((entry) => entry.row));
  const stored = lost.size === 0 ? rows : rows.filter((row) => !lost.has(row));
  const conversions = stored.filter((row) => row.item_id !== "" && spec.conversions.includes(row.event));
  await clickhouse.insert("attributed_checkouts", conversions.map(checkoutRow));
  const pairs = touchedPairs(stored, spec);
  if (pairs !== null) await attribute(clickhouse, pairs, spec);
  await storeItems(clickhouse, batch);
  await storeUsers(clickhouse, batch);
  await storeDeadLetters(clickhouse, batch.deadLetters);
  return refused;
}

export async function storeDeadLetters(clickhouse: ClickHouse, rows: readonly DeadLetterRow[]): Promise<void> {
  await clickhouse.insert("dead_letters", rows, DEAD_LETTER_COLUMNS);
}

async function storeItems(clickhouse: ClickHouse, batch: Batch): Promise<void> {
  if (batch.items.length === 0) return;
  const ids = [...new Set(batch.items.map((item) => item.itemId))];
  const before = await clickhouse.query<StoredItem>(
    `SELECT * REPLACE (
       toUnixTimestamp64Milli(updated_at) AS updated_at,
       toUnixTimestamp64Milli(created_at) AS created_at
     )
     FROM items FINAL WHERE item_id IN {ids:Array(String)}`,
    { ids },
  );
  const current = new Map<string, ItemRow>(before.map((row) => [row.item_id, readItem(row)]));
  for (const change of [...batch.items].sort((a, b) => a.updatedAt - b.updatedAt)) {
    const known = current.get(change.itemId);
    if (known === undefined || change.updatedAt >= known.updated_at) {
      current.set(change.itemId, mergeItem(known, change));
    }
  }
  await clickhouse.insert("items", [...current.values()]);
}

interface StoredItem extends Omit<ItemRow, "updated_at" | "created_at"> {
  readonly updated_at: string;
  readonly created_at: string | null;
}

function readItem(row: StoredItem): ItemRow {
  return {
    ...row,
    updated_at: Number(row.updated_at),
    created_at: row.created_at === null ? null : Number(row.created_at),
  };
}

async function storeUsers(clickhouse: ClickHouse, batch: Batch): Promise<void> {
  if (batch.users.length === 0) return;
  const ids = [...new Set(batch.users.map((user) => user.userId))];
  const before = await clickhouse.query<Omit<UserRow, "updated_at"> & { updated_at: string }>(
    `SELECT * REPLACE (toUnixTimestamp64Milli(updated_at) AS updated_at)
     FROM users FINAL WHERE user_id IN {ids:Array(String)}`,
    { ids },
  );
  const current = new Map<string, UserRow>(
    before.map((row) => [row.user_id, { ...row, updated_at: Number(row.updated_at) }]),
  );
  for (const change of [...batch.users].sort((a, b) => a.updatedAt - b.updatedAt)) {
    const known = current.get(change.userId);
    if (known === undefined || change.updatedAt >= known.updated_at) {
      current.set(change.userId, mergeUser(known, change));
    }
  }
  await clickhouse.insert("users", [...current.values()]);
}
