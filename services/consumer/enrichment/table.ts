import { type PostgresTable, quotedName, quotedTable, type SqlClient, sqlState } from "../../postgres/index.ts";
import type { Attributes } from "../rows.ts";
import type { Lookup } from "./cache.ts";

/** SQLSTATE of a key that the column's type cannot hold, such as `abc` for an integer, or a number too large for it. */
const KEY_NOT_OF_TYPE = new Set(["22P02", "22003"]);

/** Reads the columns of the rows with the given keys, as text; columns that are null are left out. */
export function tableLookup(client: SqlClient, table: PostgresTable): Lookup {
  const key = quotedName(table.key);
  return async (keys) => {
    // Compared in the key's own type, so that its index serves; as text only when some id cannot be of that type.
    const { rows } = await client.query(`${select(table)} WHERE ${key} = ANY($1)`, [keys]).catch((error: unknown) => {
      if (!KEY_NOT_OF_TYPE.has(sqlState(error))) throw error;
      return client.query(`${select(table)} WHERE ${key}::text = ANY($1)`, [keys]);
    });
    return new Map(rows.map(readRow));
  };
}

const PAGE_ROWS = 5_000;

/** The whole table in pages by key; rows without one are left out. */
export async function* readTable(client: SqlClient, table: PostgresTable): AsyncGenerator<Map<string, Attributes>> {
  const key = quotedName(table.key);
  const tail = `ORDER BY ${key} LIMIT ${PAGE_ROWS}`;
  let page = new Map((await client.query(`${select(table)} WHERE ${key} IS NOT NULL ${tail}`, [])).rows.map(readRow));
  while (page.size > 0) {
    yield page;
    const last = [...page.keys()].at(-1);
    page = new Map((await client.query(`${select(table)} WHERE ${key} > $1 ${tail}`, [last])).rows.map(readRow));
  }
}

function select(table: PostgresTable): string {
  const columns = Object.entries(table.columns).map(
    ([ours, theirs]) => `${quotedName(theirs)}::text AS ${quotedName(ours)}`,
  );
  return `SELECT ${[`${quotedName(table.key)}::text AS "key of row"`, ...columns].join(", ")} FROM ${quotedTable(table.table)}`;
}

function readRow(row: unknown): [string, Attributes] {
  const { "key of row": key, ...columns } = row as Record<string, string | null>;
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(columns)) if (value !== null) attributes[name] = value;
  return [String(key), attributes];
}
