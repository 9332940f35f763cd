/** The database of the shop's back office: whoever is registered, and what is for sale, in tables that are named from outside. */
import { type PostgresTable, quotedName, quotedTable, type SqlClient } from "../postgres/index.ts";
import type { SimulatedShop } from "./shop.ts";

/** As `enrichment.postgres` of a resource names them; a table that is absent is not looked at. */
export interface ShopTables {
  readonly users?: PostgresTable | undefined;
  readonly items?: PostgresTable | undefined;
}

/** Makes those that are not there, empty; each column is a text. */
export async function createTables(client: SqlClient, { users, items }: ShopTables): Promise<void> {
  for (const table of [users, items]) {
    if (table === undefined) continue;
    const columns = [...new Set(Object.values(table.columns))].filter((column) => column !== table.key);
    const key = `${quotedName(table.key)} text PRIMARY KEY`;
    const definitions = [key, ...columns.map((column) => `${quotedName(column)} text`)];
    const [schema] = table.table.includes(".") ? table.table.split(".") : [];
    if (schema !== undefined) await client.query(`CREATE SCHEMA IF NOT EXISTS ${quotedName(schema)}`, []);
    await client.query(`CREATE TABLE IF NOT EXISTS ${quotedTable(table.table)} (${definitions.join(", ")})`, []);
  }
}

/** Writes the shop's registered users and the items of the moment `now`, over what is known of them; other rows stay. */
export async function fillTables(
  client: SqlClient,
  { users, items }: ShopTables,
  shop: SimulatedShop,
  now: number,
): Promise<void> {
  if (users !== undefined) {
    const rows = shop.users().map(({ userId, ...user }) => ({ key: userId, ...user }));
    await fillTable(client, users, rows);
  }
  if (items !== undefined) {
    const rows = shop.catalogue(now).map((item) => ({
      key: item.itemId,
      name: item.name,
      description: item.description,
      categories: item.categories.join(","),
      tags: item.tags.join(","),
      brand: item.brand,
      price: String(item.price),
      currency: item.currency,
      stock: String(item.stock),
      createdAt: new Date(item.createdAt).toISOString(),
    }));
    await fillTable(client, items, rows);
  }
}

/** @param rows texts by the names that the columns have here, and `key` */
async function fillTable(
  client: SqlClient,
  { table, key, columns }: PostgresTable,
  rows: readonly (Readonly<Record<string, string>> & { readonly key: string })[],
): Promise<void> {
  const known = Object.entries(columns).filter(([ours]) => rows[0]?.[ours] !== undefined);
  const names = [key, ...known.map(([, theirs]) => theirs)].map(quotedName);
  const values = [rows.map((row) => row.key), ...known.map(([ours]) => rows.map((row) => row[ours] ?? null))];
  const updates = names.slice(1).map((name) => `${name} = excluded.${name}`);
  await client.query(
    `INSERT INTO ${quotedTable(table)} (${names.join(", ")})
     SELECT * FROM unnest(${names.map((_, index) => `$${index + 1}::text[]`).join(", ")})
     ON CONFLICT (${quotedName(key)}) DO ${updates.length === 0 ? "NOTHING" : `UPDATE SET ${updates.join(", ")}`}`,
    values,
  );
}
