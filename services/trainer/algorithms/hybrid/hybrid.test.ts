import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../../../test/fixtures/clickhouse.ts";
import { type ActivityRow, ranked, withFit } from "../../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import type { Algorithm, FitContext } from "../algorithm.ts";
import { writeRanked } from "../rank-cases.ts";
import { hybrid } from "./index.ts";
import { createLesson } from "./lesson.ts";

const DAY = 86_400_000;

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

/** 40 shoppers, 20 days; shopper s turns on day d to item (s + d) mod 30, two-digit ids so that numbers go by id. */
const ACTIVITY: ActivityRow[] = Array.from({ length: 40 }, (_, shopper) =>
  Array.from({ length: 20 }, (_, day) => ({
    actor_id: `shopper ${String(shopper).padStart(2, "0")}`,
    item_id: `item ${String((shopper + day) % 30).padStart(2, "0")}`,
    occurred_at: day * DAY + shopper,
  })),
).flat();

/** Lists the items that are `step` beyond the one touched last, for each of some steps. */
function fixed(name: string, steps: readonly number[], fits: string[] = []): Algorithm {
  return {
    name,
    needsTime: true,
    parameters: {},
    async fit({ work, name: label }: FitContext) {
      fits.push(label);
      return {
        async rank(cases, into) {
          const rows = await work.clickhouse.query<{ case: number; recent: number[] }>(
            `SELECT case, recent FROM ${cases.table}`,
          );
          await writeRanked(
            work,
            into,
            rows.map(({ case: number, recent: [last = 0] }) => ({
              case: number,
              items: steps.map((step) => (last + step) % 30),
              scores: steps.map((_, at) => 1 / (at + 1)),
            })),
          );
        },
        store: async () => {},
        fault: async () => undefined,
      };
    },
  };
}

describe("hybrid", () => {
  test("learns which component to believe, and fits each on the lesson and on everything", async () => {
    const fits: string[] = [];
    const wrong = fixed("wrong", [20, 21, 22], fits);
    const right = fixed("right", [1, 2, 3], fits);
    await withFit(clickhouse, ACTIVITY, async (context) => {
      await clickhouse.command("TRUNCATE TABLE model_weights");
      const model = await hybrid([wrong, right]).fit(context);
      expect(await model.fault()).toBeUndefined();
      const [answer] = await ranked(context.work, model, [{ recent: [4] }], 3);
      expect(answer!.map(([item]) => item)).toEqual([5, 6, 7]);
      await model.store("v");
    });
    expect(fits).toEqual(["fit_lesson_wrong", "fit_lesson_right", "fit_wrong", "fit_right"]);
    const rows = await clickhouse.query<{ feature: string; weight: number }>(
      "SELECT feature, weight FROM model_weights",
    );
    const weights = Object.fromEntries(rows.map(({ feature, weight }) => [feature, weight]));
    expect(Object.keys(weights).sort()).toEqual(
      ["popularity", "right.rank", "right.score", "wrong.rank", "wrong.score"].sort(),
    );
    expect(weights["right.score"]! + weights["right.rank"]!).toBeGreaterThan(
      weights["wrong.score"]! + weights["wrong.rank"]! + 1,
    );
  });

  test("the lesson asks for the youngest events, and its models see none of them", async () => {
    await withFit(clickhouse, ACTIVITY, async (context) => {
      const { context: inner, cases } = await createLesson(context);
      const [row] = await clickhouse.query<{ last: string; events: string }>(
        `SELECT toUnixTimestamp64Milli(max(occurred_at)) AS last, count() AS events FROM ${inner.activity}`,
      );
      expect(Number(row!.last)).toBeLessThan(18 * DAY);
      expect(Number(row!.events)).toBe(720);
      expect(inner.window.watermark).toBe(18 * DAY);
      expect(cases.count).toBe(40);
    });
  });

  test("of activity without times it asks for pairs, each either seen or asked for", async () => {
    const timeless = ACTIVITY.map((row) => ({ ...row, occurred_at: 0 }));
    await withFit(clickhouse, timeless, async (context) => {
      const { context: inner, cases } = await createLesson(context);
      const [row] = await clickhouse.query<{ seen: string; asked: string }>(
        `SELECT (SELECT count() FROM ${inner.activity}) AS seen, (SELECT sum(relevant) FROM ${cases.table}) AS asked`,
      );
      expect(Number(row!.seen) + Number(row!.asked)).toBe(800);
      expect(Number(row!.asked)).toBeGreaterThan(40);
      expect(Number(row!.asked)).toBeLessThan(160);
    });
  });

  test("components that never have what comes next teach nothing, and it says so", async () => {
    await withFit(clickhouse, ACTIVITY, async (context) => {
      const model = await hybrid([fixed("none", [])]).fit(context);
      expect(await model.fault()).toBe("nothing was learned: no candidate was ever right");
    });
  });
});
