/** What items are: what the shop says of them, beside what people do with them. */
import type { WorkTables } from "./work-tables.ts";

/** The columns of a table of items, one row an item; what is not known is empty, a price 0. */
export const CATALOGUE_COLUMNS = `
  item_id String,
  name String,
  description String,
  categories Array(String),
  brand String,
  price Float64,
  embedding Array(Float32),
  created_at Nullable(DateTime64(3, 'UTC'))`;

/**
 * Copies the shop's items, but for hidden ones.
 *
 * @returns table of CATALOGUE_COLUMNS; `null` when there are none
 * @throws ClickHouseError
 */
export async function copyCatalogue(work: WorkTables): Promise<string | null> {
  const table = await work.create({ name: "catalogue", columns: CATALOGUE_COLUMNS, orderBy: "item_id" });
  await work.run(`
INSERT INTO ${table}
SELECT item_id, name, description, categories, JSONExtractString(attributes['brand']) AS brand,
  ifNull(toFloat64(price), 0) AS price, embedding, created_at
FROM items FINAL
WHERE NOT hidden`);
  const [row] = await work.clickhouse.query<{ items: string }>(`SELECT count() AS items FROM ${table}`);
  return Number(row?.items ?? 0) === 0 ? null : table;
}
