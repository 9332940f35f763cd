import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../../../test/fixtures/clickhouse.ts";
import { type ActivityRow, ranked, withFit } from "../../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import { neural } from "./index.ts";

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

const name = (word: string, number: number) => `${word} ${String(number).padStart(2, "0")}`;

/** Shoppers of two tastes: those of even number touch even items, the others odd ones. */
const TASTES: ActivityRow[] = Array.from({ length: 60 }, (_, shopper) =>
  Array.from({ length: 6 }, (_, visit) => ({
    actor_id: name("shopper", shopper),
    item_id: name("item", 2 * ((shopper * 7 + visit * 4) % 15) + (shopper % 2)),
  })),
).flat();

/** Shoppers who walk through twelve items in a circle: what comes next is told by the last one alone. */
const CIRCLE: ActivityRow[] = Array.from({ length: 120 }, (_, shopper) =>
  Array.from({ length: 6 }, (_, visit) => ({
    actor_id: name("shopper", shopper),
    item_id: name("item", (shopper + visit) % 12),
    occurred_at: 1_700_000_000_000 + visit * 60_000,
  })),
).flat();

describe("neural", () => {
  test("an actor that was not in training gets items of its taste, best first, none that is masked", async () => {
    await withFit(clickhouse, TASTES, async (context) => {
      const model = await neural({ factors: 16 }).fit(context);
      const asked = [{ history: [4, 8] }, { history: [5, 9], masked: [1, 3] }, { history: [] }];
      const [even, odd, nothing] = await ranked(context.work, model, asked, 10);
      expect(await model.fault()).toBeUndefined();
      await model.close?.();
      expect(even!.length).toBe(10);
      expect(even!.every(([item]) => item % 2 === 0)).toBe(true);
      expect(odd!.every(([item]) => item % 2 === 1 && item > 3)).toBe(true);
      const scores = even!.map(([, score]) => score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      expect(nothing).toEqual([]);
    });
  });

  test("where the order is known, what was touched last counts most", async () => {
    await withFit(clickhouse, CIRCLE, async (context) => {
      const model = await neural({ factors: 16, ahead: 1, kept: 1, negatives: 0 }).fit(context);
      const history = [0, 1, 2, 3];
      const [forth, back] = await ranked(
        context.work,
        model,
        [
          { history, masked: history, recent: [3, 2, 1, 0] },
          { history, masked: history, recent: [0, 1, 2, 3] },
        ],
        8,
      );
      await model.close?.();
      expect(forth![0]![0]).toBe(4);
      expect(back![0]![0]).toBe(11);
    });
  });

  test("the same data and seed give the same vectors and weights, another seed others", async () => {
    const stored = (seed: number) =>
      withFit(clickhouse, CIRCLE, async (context) => {
        await clickhouse.command("TRUNCATE TABLE model_vectors");
        await clickhouse.command("TRUNCATE TABLE model_weights");
        const model = await neural({ factors: 16, epochs: 5, seed }).fit(context);
        await model.store("v");
        await model.close?.();
        return {
          vectors: await clickhouse.query<{ vector: number[] }>(
            "SELECT item_id, vector FROM model_vectors ORDER BY item_id",
          ),
          weights: await clickhouse.query<{ weight: number }>(
            "SELECT feature, weight FROM model_weights ORDER BY feature",
          ),
        };
      });
    const first = await stored(1);
    expect(first.vectors).toHaveLength(12);
    expect(first.vectors[0]!.vector).toHaveLength(16);
    expect(first.weights).toHaveLength(21);
    expect(first.weights.some(({ weight }) => weight !== 0)).toBe(true);
    expect(await stored(1)).toEqual(first);
    expect(await stored(2)).not.toEqual(first);
  });
});
