import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import { plain } from "../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../clickhouse/index.ts";
import { runName, type WorkTables, withWorkTables } from "../work-tables.ts";
import { type Cohort, measureCohorts } from "./cohorts.ts";
import { measureDiversity } from "./diversity.ts";

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
});
afterAll(() => clickhouse.close());

function withTables<Result>(use: (work: WorkTables) => Promise<Result>): Promise<Result> {
  const layout = { database: clickhouse.database };
  return withWorkTables(clickhouse, layout, { name: runName(0), now: 0 }, use);
}

async function filled(work: WorkTables, name: string, columns: string, rows: readonly object[]): Promise<string> {
  const table = await work.create({ name, columns, orderBy: "tuple()" });
  await clickhouse.insert(plain(table), rows);
  return table;
}

interface Case {
  /** Length of the history. */
  readonly known: number;
  readonly truth: readonly number[];
  /** Held-out items without a number. */
  readonly unknown?: number;
  readonly ranked: readonly number[];
}

/** Items 0 to 9 were touched before, 10 and 11 are in the catalogue alone. */
function cohorts(cases: readonly Case[], cutoffs: readonly number[]): Promise<Record<string, Cohort>> {
  return withTables(async (work) => {
    const items = await filled(
      work,
      "items",
      "item UInt32, degree Float64",
      Array.from({ length: 12 }, (_, item) => ({ item, degree: item < 10 ? 1 : 0 })),
    );
    const asked = await filled(
      work,
      "cases",
      "case UInt32, history Array(UInt32), truth Array(UInt32), relevant UInt32",
      cases.map(({ known, truth, unknown = 0 }, number) => {
        const history = Array.from({ length: known }, (_, item) => item);
        return { case: number, history, truth, relevant: truth.length + unknown };
      }),
    );
    const ranked = await filled(
      work,
      "ranked",
      "case UInt32, ranked Array(UInt32)",
      cases.map((one, number) => ({ case: number, ranked: one.ranked })),
    );
    const found = await measureCohorts(work, asked, ranked, { items }, cutoffs);
    return Object.fromEntries(found.map((cohort) => [cohort.cohort, cohort]));
  });
}

describe("cohorts", () => {
  test("users by what is behind them: at most two items, the longest fifth of the others, the rest", async () => {
    const hit = { truth: [1], ranked: [1, 2] };
    const miss = { truth: [1], ranked: [2, 3] };
    const { newUsers, lightUsers, heavyUsers } = await cohorts(
      [
        { known: 0, ...hit },
        { known: 2, ...miss },
        ...[3, 4, 5, 6, 7, 8, 9].map((known) => ({ known, ...hit })),
        { known: 10, ...miss },
        { known: 10, ...miss },
        { known: 10, ...hit },
      ],
      [1, 2],
    );
    expect(newUsers).toMatchObject({ cases: 2, metrics: { "recall@1": 0.5, "mrr@2": 0.5 } });
    expect(lightUsers!.cases + heavyUsers!.cases).toBe(10);
    // Of ten histories the eighth and those as long as it are the rest.
    expect(lightUsers).toMatchObject({ cases: 10 });
    expect(lightUsers!.metrics["hitRate@2"]).toBeCloseTo(0.8, 9);
    expect(heavyUsers).toEqual({ cohort: "heavyUsers", cases: 0, metrics: {} });
  });

  test("heavy users are those above four in five", async () => {
    const cases = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((known) => ({
      known,
      truth: [1],
      ranked: known > 10 ? [1] : [2],
    }));
    const { lightUsers, heavyUsers } = await cohorts(cases, [1]);
    expect(heavyUsers!.cases + lightUsers!.cases).toBe(10);
    expect(heavyUsers!.cases).toBeLessThanOrEqual(2);
    expect(heavyUsers!.metrics["recall@1"]).toBe(1);
  });

  test("new items: only what nobody had touched counts as right, and what is not even known counts as missed", async () => {
    const { newItems, newUsers } = await cohorts(
      [
        { known: 1, truth: [1, 10], unknown: 1, ranked: [1, 5, 10] },
        { known: 1, truth: [1], ranked: [1] },
        { known: 1, truth: [], unknown: 1, ranked: [1] },
      ],
      [3],
    );
    expect(newUsers!.cases).toBe(3);
    expect(newItems!.cases).toBe(2);
    // Of the first case one of two, at the third place; of the last one none.
    expect(newItems!.metrics["recall@3"]).toBeCloseTo((1 / 2 + 0) / 2, 9);
    expect(newItems!.metrics["mrr@3"]).toBeCloseTo((1 / 3 + 0) / 2, 9);
  });

  test("without cases all are empty", async () => {
    expect(Object.values(await cohorts([], [5])).map(({ cases }) => cases)).toEqual([0, 0, 0, 0]);
  });
});

describe("diversity", () => {
  /** Who touched what: item 3 nobody. */
  const TOUCHES: Readonly<Record<string, readonly number[]>> = { ann: [0, 1, 2], ben: [0, 1], cem: [0] };
  const CATEGORIES: Readonly<Record<number, readonly string[]>> = { 0: ["a", "b"], 1: ["a"], 2: ["c"], 3: [] };

  function diversity(lists: readonly (readonly number[])[], cutoffs: readonly number[], catalogue = false) {
    return withTables(async (work) => {
      const numbers = [0, 1, 2, 3];
      const items = await filled(
        work,
        "items",
        "item UInt32, item_id String",
        numbers.map((item) => ({ item, item_id: `i${item}` })),
      );
      const histories = await filled(
        work,
        "histories",
        "actor_id String, items Array(UInt32)",
        Object.entries(TOUCHES).map(([actor_id, touched]) => ({ actor_id, items: touched })),
      );
      const categories = await filled(
        work,
        "categories",
        "item_id String, categories Array(String)",
        numbers.map((item) => ({ item_id: `i${item}`, categories: catalogue ? CATEGORIES[item] : [] })),
      );
      const ranked = await filled(
        work,
        "ranked",
        "case UInt32, ranked Array(UInt32)",
        lists.map((list, number) => ({ case: number, ranked: list })),
      );
      return measureDiversity(work, ranked, { items, histories }, categories, cutoffs);
    });
  }

  test("is the mean of 1 - cosine over the pairs of a list, by who touched its items", async () => {
    const cosine = { "0-1": 2 / Math.sqrt(3 * 2), "0-2": 1 / Math.sqrt(3), "1-2": 1 / Math.sqrt(2) };
    const found = await diversity([[2, 0, 1]], [2, 3]);
    expect(found["diversity@2"]).toBeCloseTo(1 - cosine["0-2"], 6);
    const mean = (cosine["0-1"] + cosine["0-2"] + cosine["1-2"]) / 3;
    expect(found["diversity@3"]).toBeCloseTo(1 - mean, 6);
  });

  test("by categories where the catalogue has some", async () => {
    const found = await diversity(
      [
        [0, 1],
        [1, 2],
      ],
      [2],
      true,
    );
    expect(found["diversity@2"]).toBeCloseTo((1 - 1 / Math.sqrt(2) + 1) / 2, 6);
  });

  test("an item of which nothing is known is unlike any other; lists of one item do not count", async () => {
    expect(await diversity([[0, 3], [1]], [2])).toEqual({ "diversity@2": 1 });
    expect(await diversity([[1]], [2])).toEqual({});
    expect(await diversity([[0, 1]], [1])).toEqual({});
  });
});
