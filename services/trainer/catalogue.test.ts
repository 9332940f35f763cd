import { expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { copyCatalogue } from "./catalogue.ts";
import { createMatrix } from "./matrix.ts";
import { runName, withWorkTables } from "./work-tables.ts";

const NOW = Date.UTC(2026, 5, 1);

test("a matrix numbers what people touched first, then what the shop has beside it, but for hidden items", async () => {
  const clickhouse = await migratedDatabase();
  const layout = { database: clickhouse.database };
  await withWorkTables(clickhouse, layout, { name: runName(NOW), now: NOW }, async (work) => {
    expect(await copyCatalogue(work)).toBeNull();
    const at = { updated_at: NOW };
    await clickhouse.insert("items", [
      { item_id: "a new rug", name: "Rug", attributes: { brand: '"Acme"' }, price: "19.5", embedding: [1, 0], ...at },
      { item_id: "lamp", name: "Lamp", categories: ["light"], created_at: NOW, ...at },
      { item_id: "secret", hidden: true, ...at },
    ]);
    const catalogue = (await copyCatalogue(work)) as string;
    const rows = await clickhouse.query(`SELECT * EXCEPT description FROM ${catalogue} ORDER BY item_id`);
    expect(rows).toMatchObject([
      { item_id: "a new rug", name: "Rug", brand: "Acme", price: 19.5, embedding: [1, 0], created_at: null },
      { item_id: "lamp", name: "Lamp", brand: "", price: 0, categories: ["light"] },
    ]);
    const interactions = `(SELECT 'ann' AS actor_id, arrayJoin(['vase', 'lamp']) AS item_id, 2 AS weight, now64(3) AS last_at)`;
    const matrix = await createMatrix(work, "m", interactions, catalogue);
    expect(matrix).toMatchObject({ itemCount: 3, touchedCount: 2, actorCount: 1, entryCount: 2, catalogue });
    expect(await clickhouse.query(`SELECT item, item_id, degree FROM ${matrix.items} ORDER BY item`)).toEqual([
      { item: 0, item_id: "lamp", degree: 2 },
      { item: 1, item_id: "vase", degree: 2 },
      { item: 2, item_id: "a new rug", degree: 0 },
    ]);
  });
});
