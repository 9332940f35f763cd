/** What the files of a data set say of their items. */
import { CATALOGUE_COLUMNS } from "../catalogue.ts";
import type { WorkTables } from "../work-tables.ts";
import type { LoadedFile } from "./load.ts";

/**
 * Of each item the name, category and brand that most of its rows have, and the median price.
 *
 * @param within table whose items alone are wanted; all of the files' without it
 * @returns table of CATALOGUE_COLUMNS; `null` when the files have no such columns
 * @throws ClickHouseError
 */
export async function createCatalogue(
  work: WorkTables,
  files: readonly LoadedFile[],
  within?: string,
): Promise<string | null> {
  if (!files.some((file) => file.describesItems)) return null;
  const table = await work.create({ name: "catalogue", columns: CATALOGUE_COLUMNS, orderBy: "item_id" });
  const wanted = within === undefined ? "" : ` AND item GLOBAL IN (SELECT item_id FROM ${within})`;
  const rows = files.map(
    ({ raw }) => `SELECT item, name, category, brand, price_text FROM ${raw} WHERE item != ''${wanted}`,
  );
  await work.run(`
INSERT INTO ${table} (item_id, name, categories, brand, price)
SELECT item, argMaxIf(value, (times, value), field = 'name') AS name,
  arrayFilter(category -> category != '', [argMaxIf(value, (times, value), field = 'category')]) AS categories,
  argMaxIf(value, (times, value), field = 'brand') AS brand,
  ifNotFinite(quantileExactWeightedIf(0.5)(toFloat64OrZero(value), times, field = 'price' AND toFloat64OrZero(value) > 0), 0) AS price
FROM (
  SELECT item, field, value, count() AS times
  FROM (${rows.join(" UNION ALL ")})
  ARRAY JOIN ['name', 'category', 'brand', 'price'] AS field, [name, category, brand, price_text] AS value
  WHERE value != ''
  GROUP BY item, field, value
)
GROUP BY item`);
  return table;
}
