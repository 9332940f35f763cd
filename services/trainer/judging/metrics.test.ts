import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../../clickhouse/index.ts";
import { runName, type WorkTables, withWorkTables } from "../work-tables.ts";
import { type Metrics, measure } from "./metrics.ts";

interface Case {
  readonly ranked: readonly number[];
  readonly truth: readonly number[];
  /** Held-out items that have no number. */
  readonly unknown: number;
  readonly masked?: readonly number[];
}

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
});
afterAll(() => clickhouse.close());

/** @param untouched items of the catalogue, its last, that have no weight */
function measured(
  cases: readonly Case[],
  catalogue: number,
  cutoffs: readonly number[],
  untouched = 0,
): Promise<Metrics> {
  const layout = { database: clickhouse.database };
  return withWorkTables(clickhouse, layout, { name: runName(0), now: 0 }, async (work) => {
    const { asked, ranked } = await tables(work, cases);
    const items = await work.create({ name: "i", columns: "item UInt32, degree Float64", orderBy: "item" });
    await clickhouse.insert(
      items.replaceAll("`", ""),
      Array.from({ length: catalogue }, (_, item) => ({
        item,
        degree: item < catalogue - untouched ? degreeOf(item) : 0,
      })),
    );
    return measure(work, asked, ranked, items, cutoffs);
  });
}

async function tables(work: WorkTables, cases: readonly Case[]): Promise<{ asked: string; ranked: string }> {
  const asked = await work.create({
    name: "c",
    columns: "case UInt32, masked Array(UInt32), truth Array(UInt32), relevant UInt32",
    orderBy: "case",
  });
  const ranked = await work.create({ name: "r", columns: "case UInt32, ranked Array(UInt32)", orderBy: "case" });
  await clickhouse.insert(
    asked.replaceAll("`", ""),
    cases.map(({ truth, unknown, masked = [] }, index) => ({
      case: index,
      masked,
      truth,
      relevant: truth.length + unknown,
    })),
  );
  await clickhouse.insert(
    ranked.replaceAll("`", ""),
    cases.flatMap((one, index) => (one.ranked.length === 0 ? [] : [{ case: index, ranked: one.ranked }])),
  );
  return { asked, ranked };
}

function degreeOf(item: number): number {
  return 1 + (item % 5);
}

/** The definitions, written once more as loops. */
function oracle(cases: readonly Case[], catalogue: number, k: number): Metrics {
  const sums = { recall: 0, ndcg: 0, mrr: 0, hitRate: 0, precision: 0, map: 0 };
  const listed = new Map<number, number>();
  for (const { ranked, truth, unknown } of cases) {
    const relevant = truth.length + unknown;
    const ideal = Math.min(k, relevant);
    let hits = 0;
    let gain = 0;
    let precisions = 0;
    for (const [index, item] of ranked.slice(0, k).entries()) {
      listed.set(item, (listed.get(item) ?? 0) + 1);
      if (!truth.includes(item)) continue;
      hits += 1;
      if (hits === 1) sums.mrr += 1 / (index + 1);
      gain += 1 / Math.log2(index + 2);
      precisions += hits / (index + 1);
    }
    let best = 0;
    for (let position = 1; position <= ideal; position += 1) best += 1 / Math.log2(position + 1);
    sums.recall += hits / relevant;
    sums.precision += hits / k;
    sums.hitRate += hits > 0 ? 1 : 0;
    sums.ndcg += gain / best;
    sums.map += precisions / ideal;
  }
  const averages = Object.entries(sums).map(([name, sum]) => [`${name}@${k}`, sum / cases.length]);
  const degrees = Array.from({ length: catalogue }, (_, item) => degreeOf(item));
  const whole = degrees.reduce((sum, degree) => sum + degree, 0);
  const times = degrees.map((_, item) => listed.get(item) ?? 0);
  const total = times.reduce((sum, count) => sum + count, 0);
  const mean = (of: (item: number) => number) =>
    total === 0 ? 0 : times.reduce((sum, count, item) => sum + count * of(item), 0) / total;
  // Mean difference between any two items, over twice the mean.
  const differences = times.flatMap((count) => times.map((other) => Math.abs(count - other)));
  const gini = total === 0 ? 0 : differences.reduce((sum, difference) => sum + difference, 0) / (2 * catalogue * total);
  return {
    ...Object.fromEntries(averages),
    [`coverage@${k}`]: listed.size / catalogue,
    [`novelty@${k}`]: mean((item) => -Math.log2(degrees[item]! / whole)),
    [`arp@${k}`]: mean((item) => degrees[item]! / Math.max(...degrees)),
    [`gini@${k}`]: gini,
  };
}

describe("measure", () => {
  test("a case by hand: hits at 2 and 4 of three held-out items, one of them unknown", async () => {
    const metrics = await measured([{ ranked: [7, 1, 8, 2, 9], truth: [1, 2], unknown: 1 }], 10, [2, 5]);
    expect(metrics["recall@2"]).toBeCloseTo(1 / 3, 9);
    expect(metrics["recall@5"]).toBeCloseTo(2 / 3, 9);
    expect(metrics["precision@5"]).toBeCloseTo(2 / 5, 9);
    expect(metrics["hitRate@2"]).toBe(1);
    expect(metrics["mrr@5"]).toBeCloseTo(1 / 2, 9);
    // (1/log2(3) + 1/log2(5)) / (1/log2(2) + 1/log2(3) + 1/log2(4))
    expect(metrics["ndcg@5"]).toBeCloseTo((0.63092975 + 0.43067656) / (1 + 0.63092975 + 0.5), 7);
    // The ideal list of two positions holds two of the three.
    expect(metrics["ndcg@2"]).toBeCloseTo(0.63092975 / 1.63092975, 7);
    expect(metrics["map@5"]).toBeCloseTo((1 / 2 + 2 / 4) / 3, 9);
    expect(metrics["coverage@2"]).toBeCloseTo(2 / 10, 9);
  });

  test("a case without a list counts as nothing found", async () => {
    const metrics = await measured(
      [
        { ranked: [1], truth: [1], unknown: 0 },
        { ranked: [], truth: [1], unknown: 0 },
      ],
      4,
      [3],
    );
    expect(metrics).toMatchObject({
      "recall@3": 0.5,
      "ndcg@3": 0.5,
      "mrr@3": 0.5,
      "hitRate@3": 0.5,
      "coverage@3": 0.25,
    });
  });

  test("without cases there are no figures", async () => {
    expect(await measured([], 4, [3])).toEqual({});
  });

  test("items that nobody had touched are judged apart, beside what a list drawn by chance reaches of them", async () => {
    const cases = [
      { ranked: [1, 8, 2, 9], truth: [8, 9, 1], unknown: 0, masked: [0, 3] },
      { ranked: [7, 4], truth: [7, 9], unknown: 1 },
      { ranked: [1], truth: [1], unknown: 0 },
    ];
    const metrics = await measured(cases, 10, [2, 4], 3);
    expect(metrics["coldRecall@2"]).toBeCloseTo((1 / 2 + 1 / 2) / 2, 9);
    expect(metrics["coldRecall@4"]).toBeCloseTo((2 / 2 + 1 / 2) / 2, 9);
    expect(metrics["coldRandom@2"]).toBeCloseTo((2 / 8 + 2 / 10) / 2, 9);
    expect(Number.isFinite(metrics["novelty@4"])).toBe(true);
  });

  test("for any lists the figures are those of the definitions", async () => {
    const items = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 12 });
    const someCase = fc.record({ ranked: items, truth: items, unknown: fc.integer({ min: 0, max: 2 }) });
    const cases = fc.array(
      someCase.filter(({ truth, unknown }) => truth.length + unknown > 0),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(cases, fc.integer({ min: 1, max: 12 }), async (some, k) => {
        const metrics = await measured(some, 31, [k]);
        const expected = oracle(some, 31, k);
        expect(Object.keys(metrics).sort()).toEqual(Object.keys(expected).sort());
        for (const [name, value] of Object.entries(expected)) expect(metrics[name]).toBeCloseTo(value, 8);
      }),
      { numRuns: 20 },
    );
  });
});
