/** Every question that dashboards ask ClickHouse, asked of the real engine with a shop's activity in the tables. */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openEmbeddedLog } from "../../services/activity-log/embedded/index.ts";
import type { ClickHouse } from "../../services/clickhouse/index.ts";
import { train } from "../../services/trainer/index.ts";
import { clickHouseFolder, migratedDatabase } from "../fixtures/clickhouse.ts";
import { silent, startTestConsumer } from "../fixtures/consumer.ts";
import { activityOf, type Sent } from "../fixtures/shop-activity.ts";
import { TRAINING } from "../fixtures/training.ts";
import { sqlPanels } from "./clickhouse-panels.ts";

const EVENTS = 4_000;
const JUNE = { from: Date.UTC(2026, 5, 1) / 1_000, to: Date.UTC(2026, 6, 1) / 1_000 };

describe("dashboards that ask ClickHouse", () => {
  let clickhouse: ClickHouse;
  let sent: Sent;

  beforeAll(async () => {
    clickhouse = await migratedDatabase();
    sent = activityOf(8, EVENTS);
    const log = await openEmbeddedLog({ path: join(clickHouseFolder(), "panels-log") });
    await log.append("shop.events", sent.records);
    const consumer = await startTestConsumer({ log, clickhouse });
    await consumer.caughtUp();
    await consumer.close();
    await log.close();
    const training = { ...TRAINING, evaluation: { ...TRAINING.evaluation, holdoutHours: 1, k: 20 } };
    await train(clickhouse, training, { now: () => JUNE.to * 1_000 - 1, log: silent });
  });

  const panels = (chosen = JUNE) => sqlPanels({ database: clickhouse.database, ...chosen });
  const answer = async (name: string, chosen = JUNE) => {
    const [panel] = panels(chosen).filter((each) => each.name === `ProductMatcher / Business: ${name}`);
    return clickhouse.query<Record<string, unknown>>(panel!.sql);
  };

  test("each panel has data", async () => {
    const empty: string[] = [];
    for (const { name, sql } of panels()) if ((await clickhouse.query(sql)).length === 0) empty.push(name);
    expect(panels().length).toBeGreaterThanOrEqual(14);
    expect(empty).toEqual([]);
  });

  test("the sums are those of what was sent, repeats counted once", async () => {
    expect(await answer("Order lines")).toEqual([{ orders: String(sent.attribution.size) }]);
    const [revenue] = await clickhouse.query<{ currency: string; revenue: number }>(
      panels().find(({ name }) => name === "ProductMatcher / Business: Revenue")!.sql,
    );
    expect(revenue?.currency).toBe("EUR");
    expect(revenue?.revenue).toBeCloseTo(sent.revenue / 100, 2);
    const [counts] = await clickhouse.query<Record<string, string>>(
      "SELECT uniqIf(event_id, event = 'view') AS views, uniqIf(event_id, event = 'add_to_cart') AS carts FROM events",
    );
    expect(await answer("Views")).toEqual([{ views: counts?.views }]);
    expect(await answer("Carts")).toEqual([{ carts: counts?.carts }]);
    const earned = [...sent.attribution.values()].filter((touch) => touch !== "").length;
    const [{ attributed } = {}] = await answer("Attributed revenue");
    expect(attributed).toBeGreaterThan(0);
    expect(Math.abs(Number(attributed) - earned / sent.attribution.size)).toBeLessThan(0.1);
  });

  test("only of the time chosen", async () => {
    const july = { from: JUNE.to, to: JUNE.to + 86_400 };
    expect(await answer("Order lines", july)).toEqual([{ orders: "0" }]);
    expect(await answer("Activity", july)).toEqual([]);
  });
});
