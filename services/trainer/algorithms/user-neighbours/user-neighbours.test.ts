import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../../../test/fixtures/clickhouse.ts";
import { type ActivityRow, ranked, withFit } from "../../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import { userNeighbours } from "./index.ts";

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

const ACTORS = 24;
const ITEMS = 15;

/** Actor a touched item i as often as this says. */
function times(actor: number, item: number): number {
  return Math.max(item === actor % ITEMS ? 1 : 0, ((actor * 7 + item * 11 + actor * item) % 9) - 5);
}

const two = (number: number) => String(number).padStart(2, "0");

const ACTIVITY: ActivityRow[] = Array.from({ length: ACTORS }, (_, actor) =>
  Array.from({ length: ITEMS }, (_, item) =>
    Array.from({ length: times(actor, item) }, () => ({
      actor_id: `actor ${two(actor)}`,
      item_id: `item ${two(item)}`,
    })),
  ).flat(),
).flat();

/** The definition, written once more as loops, over dense rows. */
function oracle(commonness: number) {
  const counts = Array.from({ length: ACTORS }, (_, actor) =>
    Array.from({ length: ITEMS }, (_, item) => times(actor, item)),
  );
  const degrees = Array.from({ length: ITEMS }, (_, item) => counts.reduce((sum, row) => sum + row[item]!, 0));
  const scaled = (row: readonly number[]) => row.map((count, item) => count / degrees[item]! ** commonness);
  const unit = counts.map((row) => {
    const values = scaled(row);
    return values.map((value) => value / Math.hypot(...values));
  });
  const product = (one: readonly number[], other: readonly number[]) =>
    one.reduce((sum, value, at) => sum + value * other[at]!, 0);
  const nearest = (row: readonly number[], count: number) =>
    unit
      .map((other, actor) => ({ actor, similarity: product(row, other) }))
      .filter(({ similarity }) => similarity > 0)
      .sort((a, b) => b.similarity - a.similarity || a.actor - b.actor)
      .slice(0, count);
  const scores = (row: readonly number[], count: number) => {
    const sums = new Array<number>(ITEMS).fill(0);
    for (const { actor, similarity } of nearest(row, count)) {
      for (let item = 0; item < ITEMS; item += 1) sums[item]! += similarity * unit[actor]![item]!;
    }
    return sums;
  };
  return { scaled, unit, nearest, scores };
}

describe("userNeighbours", () => {
  test.each([0, 0.5])("scores are those of a brute force, commonness %s", async (commonness) => {
    const { scaled, scores } = oracle(commonness);
    const history = [2, 5, 9];
    const weights = [1, 0.5, 0.25];
    const answers = await withFit(clickhouse, ACTIVITY, async (context) => {
      const model = await userNeighbours({ neighbours: 5, commonness }).fit(context);
      expect(await model.fault()).toBeUndefined();
      return ranked(context.work, model, [{ history, weights, masked: history }, {}], 100);
    });
    const row = new Array<number>(ITEMS).fill(0);
    for (const [at, item] of history.entries()) row[item] = weights[at]!;
    const expected = scores(scaled(row), 5)
      .map((score, item) => [item, score] as const)
      .filter(([item, score]) => score > 0 && !history.includes(item))
      .sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    expect(answers[0]!.map(([item]) => item)).toEqual(expected.map(([item]) => item));
    for (const [at, [, score]] of answers[0]!.entries()) expect(score).toBeCloseTo(expected[at]![1], 8);
    expect(expected.length).toBeGreaterThan(5);
    expect(answers[1]).toEqual([]);
  });

  test("what is stored are everyone's neighbours with their cosines, but for itself", async () => {
    const { unit, nearest } = oracle(0.5);
    await withFit(clickhouse, ACTIVITY, async (context) => {
      await clickhouse.command("TRUNCATE TABLE model_user_neighbours");
      await (await userNeighbours({ neighbours: 4 }).fit(context)).store("v");
    });
    const rows = await clickhouse.query<{ actor_id: string; neighbours: string[]; weights: number[] }>(
      "SELECT actor_id, neighbours, weights FROM model_user_neighbours ORDER BY actor_id",
    );
    expect(rows).toHaveLength(ACTORS);
    for (const [actor, { actor_id, neighbours, weights }] of rows.entries()) {
      expect(actor_id).toBe(`actor ${two(actor)}`);
      const expected = nearest(unit[actor]!, ACTORS).filter((other) => other.actor !== actor);
      expect(weights).toHaveLength(4);
      for (const [at, weight] of weights.entries()) expect(weight).toBeCloseTo(expected[at]!.similarity, 5);
      expect(neighbours).not.toContain(actor_id);
    }
  });

  test("an item that everyone touched finds no more actors than it may", async () => {
    const crowd = Array.from({ length: 50 }, (_, actor) => [
      { actor_id: `actor ${two(actor)}`, item_id: "a hit" },
      { actor_id: `actor ${two(actor)}`, item_id: `own ${two(actor)}` },
    ]).flat();
    await withFit(clickhouse, crowd, async (context) => {
      const model = await userNeighbours({ actorsPerItem: 7 }).fit(context);
      const [list] = await ranked(context.work, model, [{ history: [0], masked: [0] }], 100);
      expect(list).toHaveLength(7);
    });
  });

  test("actors that share nothing make no model", async () => {
    const apart = [0, 1, 2].map((actor) => ({ actor_id: `${actor}`, item_id: `${actor}` }));
    await withFit(clickhouse, apart, async (context) => {
      expect(await (await userNeighbours().fit(context)).fault()).toBe("no two of 3 actors touched one item");
    });
  });
});
