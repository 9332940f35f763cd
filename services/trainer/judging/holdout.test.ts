import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../../clickhouse/index.ts";
import { ACTIVITY_COLUMNS } from "../interactions.ts";
import { runName, withWorkTables } from "../work-tables.ts";
import { holdoutBoundary } from "./holdout.ts";

const HOUR = 3_600_000;
const END = Date.UTC(2026, 5, 1);

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
});
afterAll(() => clickhouse.close());

/** @param hoursAgo of each event */
function boundary(hoursAgo: readonly number[]): Promise<number> {
  const layout = { database: clickhouse.database };
  return withWorkTables(clickhouse, layout, { name: runName(END), now: END }, async (work) => {
    const activity = await work.create({ name: "activity", columns: ACTIVITY_COLUMNS, orderBy: "actor_id" });
    await clickhouse.insert(
      activity.replaceAll("`", ""),
      hoursAgo.map((hours) => ({
        actor_id: "a",
        item_id: "b",
        event: "view",
        occurred_at: END - hours * HOUR,
        quantity: 1,
      })),
    );
    return holdoutBoundary(work, activity, END, 24);
  });
}

const steadily = (events: number, hours: number) => Array.from({ length: events }, (_, i) => (i * hours) / events);

test("the hours that are asked for, where they hold enough events and leave enough", async () => {
  expect(await boundary(steadily(1_000, 240))).toBe(END - 24 * HOUR);
});

test("too few events in them: the youngest tenth of the events", async () => {
  expect(await boundary(steadily(500, 500 * 24))).toBe(END - 50 * 24 * HOUR);
  expect(await boundary([...steadily(120, 24), ...steadily(20_000, 2_000).map((hours) => hours + 25)])).toBeLessThan(
    END - 24 * HOUR,
  );
});

test("nearly all events in them: the youngest tenth", async () => {
  const found = await boundary(steadily(1_000, 20));
  expect(found).toBeGreaterThanOrEqual(END - 2.1 * HOUR);
  expect(found).toBeLessThanOrEqual(END - 1.9 * HOUR);
});
