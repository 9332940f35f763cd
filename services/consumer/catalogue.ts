import type { ItemRecord, UserRecord } from "../activity/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { insertNarrowing, type RefusedRow } from "./insert-narrowing.ts";
import { ITEM_COLUMNS, type ItemRow, mergeItem, mergeUser, USER_COLUMNS, type UserRow } from "./rows.ts";

/**
 * Applies changes to the catalogue in the order of their times; one older than what is stored is passed over.
 *
 * @returns changes that ClickHouse refused
 * @throws ClickHouseError
 */
export async function storeItems<Sourced extends { readonly change: ItemRecord }>(
  clickhouse: ClickHouse,
  changes: readonly Sourced[],
): Promise<RefusedRow<Sourced>[]> {
  if (changes.length === 0) return [];
  const before = await clickhouse.query<StoredItem>(
    `SELECT * REPLACE (
       toUnixTimestamp64Milli(updated_at) AS updated_at,
       toUnixTimestamp64Milli(created_at) AS created_at
     )
     FROM items FINAL WHERE item_id IN {ids:Array(String)}`,
    { ids: [...new Set(changes.map(({ change }) => change.itemId))] },
  );
  const current = new Map(before.map((row) => [row.item_id, readItem(row)]));
  return insertNarrowing(inOrderOfTime(changes), async (part) => {
    const rows = applied(part, current, ({ itemId }) => itemId, mergeItem);
    await clickhouse.insert("items", [...rows.values()], ITEM_COLUMNS);
    for (const [id, row] of rows) current.set(id, row);
  });
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

/** As `storeItems`, for users. */
export async function storeUsers<Sourced extends { readonly change: UserRecord }>(
  clickhouse: ClickHouse,
  changes: readonly Sourced[],
): Promise<RefusedRow<Sourced>[]> {
  if (changes.length === 0) return [];
  const before = await clickhouse.query<Omit<UserRow, "updated_at"> & { updated_at: string }>(
    `SELECT * REPLACE (toUnixTimestamp64Milli(updated_at) AS updated_at)
     FROM users FINAL WHERE user_id IN {ids:Array(String)}`,
    { ids: [...new Set(changes.map(({ change }) => change.userId))] },
  );
  const current = new Map(before.map((row) => [row.user_id, { ...row, updated_at: Number(row.updated_at) }]));
  return insertNarrowing(inOrderOfTime(changes), async (part) => {
    const rows = applied(part, current, ({ userId }) => userId, mergeUser);
    await clickhouse.insert("users", [...rows.values()], USER_COLUMNS);
    for (const [id, row] of rows) current.set(id, row);
  });
}

interface Change {
  readonly updatedAt: number;
}

function inOrderOfTime<Sourced extends { readonly change: Change }>(changes: readonly Sourced[]): Sourced[] {
  return [...changes].sort((a, b) => a.change.updatedAt - b.change.updatedAt);
}

/** The rows, by id, that changes make of the current ones. */
function applied<C extends Change, Row extends { readonly updated_at: number }>(
  changes: readonly { readonly change: C }[],
  current: ReadonlyMap<string, Row>,
  idOf: (change: C) => string,
  merge: (before: Row | undefined, change: C) => Row,
): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { change } of changes) {
    const id = idOf(change);
    const before = rows.get(id) ?? current.get(id);
    if (before === undefined || change.updatedAt >= before.updated_at) rows.set(id, merge(before, change));
  }
  return rows;
}
