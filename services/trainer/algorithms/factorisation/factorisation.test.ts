import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../../../test/fixtures/clickhouse.ts";
import { type ActivityRow, ranked, withFit } from "../../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import { FactorMemory, FactorMemoryError } from "../../../scoring/index.ts";
import { initialise } from "../vector-model/initial.ts";
import { type SparseRows, transposed } from "../vector-model/interaction-rows.ts";
import { type FactorisationParameters, factorise, Side } from "./als.ts";
import { factorisation } from "./index.ts";
import { factorisationTeam } from "./job.ts";

const PARAMETERS: FactorisationParameters = {
  factors: 32,
  passes: 3,
  unobserved: 0.2,
  ridge: 0.1,
  ridgePower: 0.5,
  seed: 1,
};

/** [column, weight] by row. */
type Rows = readonly (readonly (readonly [number, number])[])[];

function sparse(memory: FactorMemory, rows: Rows): SparseRows {
  const entries = rows.flat();
  const starts = memory.take((rows.length + 1) * 4);
  const columns = memory.take(entries.length * 4);
  const weights = memory.take(entries.length * 4);
  const startOf = memory.ints(starts, rows.length + 1);
  for (const [at, row] of rows.entries()) startOf[at + 1] = startOf[at]! + row.length;
  memory.ints(columns, entries.length).set(entries.map(([column]) => column));
  memory.floats(weights, entries.length).set(entries.map(([, weight]) => weight));
  return { count: rows.length, starts, columns, weights, longest: Math.max(...rows.map((row) => row.length)) };
}

/** Gaussian elimination with pivots, in double precision. */
function solved(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, at) => [...row, right[at]!]);
  for (let k = 0; k < rows.length; k += 1) {
    const pivot = rows.findIndex(
      (row, at) => at >= k && Math.abs(row[k]!) === Math.max(...rows.slice(k).map((r) => Math.abs(r[k]!))),
    );
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (const [at, row] of rows.entries()) {
      if (at === k) continue;
      const factor = row[k]! / rows[k]![k]!;
      for (let column = k; column <= rows.length; column += 1) row[column]! -= factor * rows[k]![column]!;
    }
  }
  return rows.map((row, k) => row[rows.length]! / row[k]!);
}

/** The minimum over one row's factors, from the normal equations over all columns. */
function oracle(row: Rows[number], others: readonly number[][], p: FactorisationParameters): number[] {
  const ridge = p.ridge * (row.length + p.unobserved * others.length) ** p.ridgePower;
  const system = Array.from({ length: p.factors }, (_, i) =>
    Array.from({ length: p.factors }, (_, j) => {
      const all = others.reduce((sum, other) => sum + other[i]! * other[j]!, 0);
      const seen = row.reduce((sum, [column, weight]) => sum + weight * others[column]![i]! * others[column]![j]!, 0);
      return p.unobserved * all + seen + (i === j ? ridge : 0);
    }),
  );
  const right = Array.from({ length: p.factors }, (_, i) =>
    row.reduce((sum, [column, weight]) => sum + weight * others[column]![i]!, 0),
  );
  return solved(system, right);
}

const columnCount = 90;
const someRows = fc.array(
  fc
    .uniqueArray(fc.nat(columnCount - 1), { minLength: 1, maxLength: columnCount })
    .chain((columns) =>
      fc.tuple(...columns.map((column) => fc.tuple(fc.constant(column), fc.constantFrom(0.25, 0.5, 1)))),
    ),
  { minLength: 1, maxLength: 5 },
);

describe("solving for rows", () => {
  test("ends where a dense solve does, whatever the threads", async () => {
    await fc.assert(
      fc.asyncProperty(someRows, fc.integer({ min: 1, max: 3 }), async (rows, threads) => {
        const memory = new FactorMemory();
        const team = factorisationTeam(memory, 65_536, threads);
        const side = new Side(memory, team, PARAMETERS);
        const problem = sparse(memory, rows);
        const { factors } = PARAMETERS;
        const others = memory.take(columnCount * factors * 4);
        initialise(memory.floats(others, columnCount * factors), factors, 5);
        for (const [at, value] of memory.floats(others, columnCount * factors).entries()) {
          memory.floats(others, columnCount * factors)[at] = value * 10;
        }
        const own = memory.take(rows.length * factors * 4);
        await side.prepare(others, columnCount);
        await side.solve(problem, own, others, columnCount, memory.take(rows.length * 4), 60);
        const values = memory.floats(others, columnCount * factors);
        const dense = Array.from({ length: columnCount }, (_, at) => [
          ...values.subarray(at * factors, (at + 1) * factors),
        ]);
        for (const [at, row] of rows.entries()) {
          const found = memory.floats(own, rows.length * factors).subarray(at * factors, (at + 1) * factors);
          const expected = oracle(row, dense, PARAMETERS);
          for (const [k, value] of expected.entries()) expect(found[k]).toBeCloseTo(value, 3);
        }
        await team.close();
      }),
      { numRuns: 8 },
    );
  });

  test("each pass makes the loss smaller, and one thread or three give the same bits", async () => {
    const rows: Rows = Array.from({ length: 300 }, (_, row) =>
      Array.from(
        { length: 1 + (row % 9) },
        (_, at) => [(row * 7 + at * at * 3) % 120, 1 / (1 + (at % 3))] as const,
      ).filter(([column], at, all) => all.findIndex(([other]) => other === column) === at),
    );
    const run = async (threads: number, passes: number) => {
      const memory = new FactorMemory();
      const team = factorisationTeam(memory, 65_536, threads);
      const byActor = sparse(memory, rows);
      const byItem = transposed(memory, byActor, 120);
      const parameters = { ...PARAMETERS, passes };
      const side = new Side(memory, team, parameters);
      const { actors, items } = await factorise(memory, side, byActor, byItem, parameters, () => {});
      await team.close();
      return {
        actors: [...memory.floats(actors, 300 * PARAMETERS.factors)],
        items: [...memory.floats(items, 120 * PARAMETERS.factors)],
      };
    };
    const loss = ({ actors, items }: { actors: number[]; items: number[] }) => {
      const { factors, unobserved, ridge, ridgePower } = PARAMETERS;
      const degree = new Array<number>(120).fill(0);
      for (const [column] of rows.flat()) degree[column]! += 1;
      let sum = 0;
      const vector = (of: number[], at: number) => of.slice(at * factors, (at + 1) * factors);
      const square = (of: number[]) => of.reduce((total, value) => total + value * value, 0);
      for (const [actor, row] of rows.entries()) {
        const w = vector(actors, actor);
        sum += ridge * (row.length + unobserved * 120) ** ridgePower * square(w);
        for (let item = 0; item < 120; item += 1) {
          const score = vector(items, item).reduce((total, value, k) => total + value * w[k]!, 0);
          const entry = row.find(([column]) => column === item);
          sum += unobserved * score ** 2 + (entry === undefined ? 0 : entry[1] * (score - 1) ** 2);
        }
      }
      for (let item = 0; item < 120; item += 1) {
        sum += ridge * (degree[item]! + unobserved * 300) ** ridgePower * square(vector(items, item));
      }
      return sum;
    };
    const losses = [loss(await run(1, 0)), loss(await run(1, 1)), loss(await run(1, 2)), loss(await run(1, 6))];
    expect(losses).toEqual(losses.toSorted((a, b) => b - a));
    expect(losses[3]!).toBeLessThan(losses[0]! * 0.8);
    expect(await run(3, 2)).toEqual(await run(1, 2));
  });

  test("a thread that fails fails the job, and every later one", async () => {
    const memory = new FactorMemory();
    const team = factorisationTeam(memory, 64, 2);
    const side = new Side(memory, team, PARAMETERS);
    const problem = sparse(memory, [[[0, 1]]]);
    const others = memory.take(PARAMETERS.factors * 4);
    await side.prepare(others, 1);
    const solve = () => side.solve(problem, memory.take(128), others, 1, memory.take(64), 1);
    await expect(solve()).rejects.toThrow("a row has 1 entries");
    await expect(solve()).rejects.toThrow("a row has 1 entries");
    await team.close();
  });

  test("more than 2 GiB is refused with what to do", () => {
    expect(() => new FactorMemory().take(3 * 2 ** 30)).toThrow(FactorMemoryError);
  });
});

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

/** Shoppers of two tastes: those of even number touch even items, the others odd ones. */
const TASTES: ActivityRow[] = Array.from({ length: 60 }, (_, shopper) =>
  Array.from({ length: 6 }, (_, visit) => ({
    actor_id: `shopper ${String(shopper).padStart(2, "0")}`,
    item_id: `item ${String(2 * ((shopper * 7 + visit * 4) % 15) + (shopper % 2)).padStart(2, "0")}`,
  })),
).flat();

describe("factorisation", () => {
  test("an actor that was not in training gets items of its taste, best first, none that is masked", async () => {
    await withFit(clickhouse, TASTES, async (context) => {
      const model = await factorisation({ factors: 16, unobserved: 0.1, ridge: 0.1 }).fit(context);
      const asked = [{ history: [4, 8] }, { history: [5, 9], masked: [1, 3] }, { history: [] }];
      const [even, odd, nothing] = await ranked(context.work, model, asked, 10);
      await model.close?.();
      expect(even!.length).toBe(10);
      expect(even!.every(([item]) => item % 2 === 0)).toBe(true);
      expect(odd!.every(([item]) => item % 2 === 1 && item > 3)).toBe(true);
      const scores = even!.map(([, score]) => score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      expect(nothing).toEqual([]);
    });
  });

  test("the same data and seed give the same vectors, another seed others", async () => {
    const vectors = (seed: number) =>
      withFit(clickhouse, TASTES, async (context) => {
        await clickhouse.command("TRUNCATE TABLE model_vectors");
        const model = await factorisation({ factors: 16, seed }).fit(context);
        await model.store("v");
        expect(await model.fault()).toBeUndefined();
        await model.close?.();
        return clickhouse.query<{ vector: number[] }>("SELECT item_id, vector FROM model_vectors ORDER BY item_id");
      });
    const first = await vectors(1);
    expect(first).toHaveLength(30);
    expect(first[0]!.vector).toHaveLength(16);
    expect(await vectors(1)).toEqual(first);
    expect(await vectors(2)).not.toEqual(first);
  });
});
