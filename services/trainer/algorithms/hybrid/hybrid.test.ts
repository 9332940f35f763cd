import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../../../test/fixtures/clickhouse.ts";
import { type ActivityRow, ranked, withFit } from "../../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import { ITEM_FEATURE_NAMES } from "../../../scoring/index.ts";
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
    const own = ["right.rank", "right.score", "wrong.rank", "wrong.score"];
    expect(Object.keys(weights).sort()).toEqual([...own, ...ITEM_FEATURE_NAMES].sort());
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

  test("where models will be asked what comes next for each, the lesson asks for each shopper's newest item", async () => {
    const again = ACTIVITY.filter(({ occurred_at }) => occurred_at! < DAY).map((row) => ({
      ...row,
      occurred_at: 30 * DAY,
    }));
    await withFit(clickhouse, [...ACTIVITY, ...again], async (context) => {
      const { context: inner, cases } = await createLesson({ ...context, asked: "next" });
      const [row] = await clickhouse.query<{ events: string; right: string; asked: string }>(
        `SELECT (SELECT count() FROM ${inner.activity}) AS events, sum(relevant) AS asked,
           countIf(truth = [(recent[2] + 1) % 30]) AS right FROM ${cases.table}`,
      );
      expect(row).toEqual({ events: "800", right: "40", asked: "40" });
      expect(inner.window).toEqual(context.window);
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

  test("learns that some items are wanted on a phone, and others at a desk", async () => {
    const rows = shoppers((shopper, day) => {
      const device = (shopper + Math.floor(day / 2)) % 2 === 0 ? "mobile" : "desktop";
      return { device, item: 2 * ((shopper * 3 + day * 7) % 30) + (device === "mobile" ? 0 : 1) };
    });
    await withFit(clickhouse, rows, async (context) => {
      const model = await hybrid([everything]).fit(context);
      const lists = await ranked(
        context.work,
        model,
        ["mobile", "desktop"].map((device) => ({ recent: [0], buckets: [`device.${device}`] })),
        10,
      );
      expect(lists[0]!.map(([item]) => item % 2)).toEqual(Array(10).fill(0));
      expect(lists[1]!.map(([item]) => item % 2)).toEqual(Array(10).fill(1));
      await clickhouse.command("TRUNCATE TABLE model_item_features");
      await model.store("v");
      const [row] = await clickhouse.query<{ mobile: number; desktop: number; unseen: number }>(
        `SELECT values[indexOf(names, 'affinity.device.mobile')] AS mobile, has(names, 'affinity.device.desktop') AS desktop,
           values[indexOf(names, 'affinity.device')] AS unseen FROM model_item_features WHERE item_id = 'item 00'`,
      );
      expect(row!.mobile).toBeGreaterThan(0.2);
      expect(Number(row!.desktop)).toBe(0);
      expect(row!.unseen).toBeLessThan(-0.2);
    });
  });

  test("learns that people stay with the prices they usually pay", async () => {
    const rows = shoppers((shopper, day) => {
      const dear = shopper % 2;
      return { item: 2 * ((shopper * 3 + day * 7) % 30) + dear, price: dear === 1 ? 90 : 10 };
    });
    await withFit(clickhouse, rows, async (context) => {
      const model = await hybrid([everything]).fit(context);
      const lists = await ranked(context.work, model, [{ history: [0, 2] }, { history: [1, 3] }], 10);
      expect(lists[0]!.map(([item]) => item % 2)).toEqual(Array(10).fill(0));
      expect(lists[1]!.map(([item]) => item % 2)).toEqual(Array(10).fill(1));
    });
  });

  test("a component that was fitted on the same context already is not fitted again, and is left open", async () => {
    const fits: string[] = [];
    let closed = 0;
    const right = fixed("right", [1, 2, 3], fits);
    await withFit(clickhouse, ACTIVITY, async (context) => {
      const mine = await right.fit({ ...context, name: "mine" });
      const close = async () => {
        closed += 1;
      };
      const open = { ...mine, close };
      const model = await hybrid([right]).fit({ ...context, fitted: (other) => (other === right ? open : undefined) });
      await model.close?.();
    });
    expect(fits).toEqual(["mine", "fit_lesson_right"]);
    expect(closed).toBe(0);
  });
});

/** 40 shoppers, 20 days, an item a day. */
function shoppers(
  choose: (shopper: number, day: number) => { readonly item: number } & Partial<ActivityRow>,
): ActivityRow[] {
  return Array.from({ length: 40 }, (_, shopper) =>
    Array.from({ length: 20 }, (_, day) => {
      const { item, ...row } = choose(shopper, day);
      return {
        actor_id: `shopper ${shopper}`,
        item_id: `item ${String(item).padStart(2, "0")}`,
        occurred_at: day * DAY + shopper,
        ...row,
      };
    }),
  ).flat();
}

/** Lists all items, none before another. */
const everything: Algorithm = {
  name: "everything",
  needsTime: true,
  parameters: {},
  async fit({ work }: FitContext) {
    return {
      async rank(cases, into) {
        const rows = await work.clickhouse.query<{ case: number; masked: number[] }>(
          `SELECT case, masked FROM ${cases.table}`,
        );
        await writeRanked(
          work,
          into,
          rows.map(({ case: number, masked }) => {
            const items = Array.from({ length: 60 }, (_, item) => item).filter((item) => !masked.includes(item));
            return { case: number, items, scores: items.map(() => 1) };
          }),
        );
      },
      store: async () => {},
      fault: async () => undefined,
    };
  },
};
