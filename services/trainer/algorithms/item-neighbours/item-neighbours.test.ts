import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import { ACTIVITY_COLUMNS, createInteractions } from "../../interactions.ts";
import { createMatrix } from "../../matrix.ts";
import { runName, type WorkTables, withWorkTables } from "../../work-tables.ts";
import type { FitContext } from "../algorithm.ts";
import { coOccurrence } from "../co-occurrence.ts";
import { type ItemNeighboursParameters, itemNeighbours } from "./index.ts";

/** [actor, item] */
type Touch = readonly [number, number];

const WEIGHTING = { weights: { view: 1 }, halfLifeDays: null, historyItems: 1_000 };

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
  await clickhouse.command(
    "CREATE TABLE model_neighbours (version String, item_id String, neighbours Array(String), weights Array(Float32)) ENGINE = MergeTree ORDER BY item_id",
  );
});
afterAll(() => clickhouse.close());

function withMatrix<Result>(touches: readonly Touch[], use: (context: FitContext) => Promise<Result>) {
  const layout = { database: clickhouse.database };
  return withWorkTables(clickhouse, layout, { name: runName(0), now: 0 }, async (work) => {
    const activity = await work.create({ name: "activity", columns: ACTIVITY_COLUMNS, orderBy: "actor_id" });
    await clickhouse.insert(
      plain(activity),
      touches.map(([actor, item]) => ({
        actor_id: `actor ${actor}`,
        item_id: `item ${item}`,
        event: "view",
        occurred_at: 0,
        quantity: 1,
      })),
    );
    const window = { watermark: 0, before: null };
    const interactions = await createInteractions(work, "interactions", activity, WEIGHTING, window);
    const matrix = await createMatrix(work, "matrix", interactions);
    const onProgress = () => {};
    return await use({ work, name: "fit", activity, weighting: WEIGHTING, window, matrix, onProgress });
  });
}

/** Neighbours by item, each with its weight, from the rows that the model stores. */
function neighbours(touches: readonly Touch[], parameters: Partial<ItemNeighboursParameters> = {}) {
  return withMatrix(touches, async (context) => {
    await clickhouse.command("TRUNCATE TABLE model_neighbours");
    const model = await itemNeighbours(parameters).fit(context);
    await model.store("v");
    const rows = await clickhouse.query<{ item_id: string; neighbours: string[]; weights: number[] }>(
      "SELECT item_id, neighbours, weights FROM model_neighbours ORDER BY item_id",
    );
    return new Map(rows.map((row) => [row.item_id, new Map(row.neighbours.map((n, i) => [n, row.weights[i]!]))]));
  });
}

/** Formulas (1) to (3) of Turbo-CF, as loops over a dense matrix of weights. */
function oracle(touches: readonly Touch[]): Map<string, Map<string, number>> {
  const weights = new Map<number, Map<number, number>>();
  for (const [actor, item] of touches) {
    const row = weights.get(actor) ?? new Map<number, number>();
    weights.set(actor, row.set(item, (row.get(item) ?? 0) + 1));
  }
  const degrees = new Map<number, number>();
  for (const [, item] of touches) degrees.set(item, (degrees.get(item) ?? 0) + 1);
  const sums = new Map<string, Map<string, number>>();
  for (const row of weights.values()) {
    const actorDegree = [...row.values()].reduce((a, b) => a + b, 0);
    const element = (item: number) => row.get(item)! * actorDegree ** -0.6 * degrees.get(item)! ** -0.4;
    for (const left of row.keys()) {
      for (const right of row.keys()) {
        if (left === right) continue;
        const of = sums.get(`item ${left}`) ?? new Map<string, number>();
        of.set(`item ${right}`, (of.get(`item ${right}`) ?? 0) + element(left) * element(right));
        sums.set(`item ${left}`, of);
      }
    }
  }
  for (const of of sums.values()) for (const [item, sum] of of) of.set(item, sum ** 0.7);
  return sums;
}

/** What GF-CF's ideal low-pass filter gives each pair where there are fewer actors than directions: all of R~ passes. */
function passed(touches: readonly Touch[]): (item: string, neighbour: string) => number {
  const items = [...new Set(touches.map(([, item]) => item))].sort((a, b) => a - b);
  const actors = [...new Set(touches.map(([actor]) => actor))];
  const times = (actor: number, item: number) => touches.filter(([a, i]) => a === actor && i === item).length;
  const raw = actors.map((actor) => items.map((item) => times(actor, item)));
  const relative = raw.map((row) => row.map((value) => value / Math.max(...row)));
  const degrees = items.map((_, at) => relative.reduce((sum, row) => sum + row[at]!, 0));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);
  const basis: number[][] = [];
  for (const row of relative) {
    const degree = row.reduce((a, b) => a + b, 0);
    let rest = row.map((value, at) => value / Math.sqrt(degree * degrees[at]!));
    for (const known of [...basis, ...basis]) rest = rest.map((value, at) => value - dot(rest, known) * known[at]!);
    const length = Math.sqrt(dot(rest, rest));
    if (length > 1e-6) basis.push(rest.map((value) => value / length));
  }
  return (item, neighbour) => {
    const [i, j] = [item, neighbour].map((id) => items.indexOf(Number(id.slice("item ".length)))) as [number, number];
    return basis.reduce((sum, row) => sum + row[i]! * row[j]!, 0) * Math.sqrt(degrees[j]! / degrees[i]!);
  };
}

function plain(name: string): string {
  return name.replaceAll("`", "");
}

const someTouches = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 12 })), {
  minLength: 1,
  maxLength: 60,
});

describe("itemNeighbours", () => {
  test("by hand: two actors share a and b, one of them has c too", async () => {
    const found = await neighbours([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    // (2^-1.2 + 3^-1.2) x 2^-0.4 x 2^-0.4, to the power of 0.7
    expect(found.get("item 1")!.get("item 2")).toBeCloseTo(((2 ** -1.2 + 3 ** -1.2) * 2 ** -0.8) ** 0.7, 6);
    expect(found.get("item 3")!.get("item 1")).toBeCloseTo((3 ** -1.2 * 2 ** -0.4) ** 0.7, 6);
    expect([...found.get("item 1")!.keys()]).toEqual(["item 2", "item 3"]);
  });

  test("for any touches the weights are the paper's, the largest first", async () => {
    await fc.assert(
      fc.asyncProperty(someTouches, async (touches) => {
        const found = await neighbours(touches);
        const expected = oracle(touches);
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [item, of] of expected) {
          const weights = found.get(item)!;
          expect([...weights.keys()].sort()).toEqual([...of.keys()].sort());
          for (const [other, weight] of of) expect(weights.get(other)).toBeCloseTo(weight, 5);
          const order = [...weights.values()];
          expect(order).toEqual(order.toSorted((a, b) => b - a));
        }
      }),
      { numRuns: 10 },
    );
  });

  test("with a low-pass filter they gain what a dense one gives them, and are in the new order", async () => {
    await fc.assert(
      fc.asyncProperty(someTouches, async (touches) => {
        const found = await neighbours(touches, { lowPass: 0.5 });
        const [expected, gain] = [oracle(touches), passed(touches)];
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [item, of] of expected) {
          const weights = found.get(item)!;
          for (const [other, weight] of of) {
            expect(weights.get(other)).toBeCloseTo(Math.max(0, weight + 0.5 * gain(item, other)), 3);
          }
          const order = [...weights.values()];
          expect(order).toEqual(order.toSorted((a, b) => b - a));
        }
      }),
      { numRuns: 5 },
    );
  });

  test("ties go by item id, and only the best stay", async () => {
    const touches: Touch[] = [5, 3, 4, 2].map((item) => [1, item]);
    const found = await neighbours(touches, { neighbours: 2 });
    expect([...found.get("item 5")!.keys()]).toEqual(["item 2", "item 3"]);
    expect([...found.get("item 2")!.keys()]).toEqual(["item 3", "item 4"]);
  });

  test("pairs that fewer actors touched than asked for are left out", async () => {
    const touches: Touch[] = [
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [2, 3],
    ];
    const found = await neighbours(touches, { minimumActors: 2 });
    expect([...found].map(([item, of]) => [item, [...of.keys()]])).toEqual([
      ["item 1", ["item 2"]],
      ["item 2", ["item 1"]],
    ]);
  });

  test("what shards of the actors add up, merged, is what the whole adds up, in one slice or in many", async () => {
    const touches: Touch[] = Array.from({ length: 400 }, (_, index) => [index % 37, (index * index) % 23]);
    await withMatrix(touches, async ({ work, matrix }) => {
      const whole = await elements(work, "whole", `SELECT * FROM ${matrix.histories}`);
      const shards = await Promise.all(
        [0, 1].map((shard) =>
          elements(
            work,
            `shard${shard}`,
            `SELECT * FROM ${matrix.histories} WHERE cityHash64(actor_id) % 2 = ${shard}`,
          ),
        ),
      );
      const sums = (source: string, slices: number, slice: number) =>
        clickhouse.query<object>(
          `SELECT item, neighbour, sum(product) AS product, sum(shared) AS shared FROM (${source}) GROUP BY item, neighbour ORDER BY item, neighbour`,
          { slices, slice },
        );
      const expected = await sums(coOccurrence(whole), 1, 0);
      expect(expected.length).toBeGreaterThan(100);
      expect(await sums(shards.map(coOccurrence).join(" UNION ALL "), 1, 0)).toEqual(expected);
      const slices = await Promise.all([0, 1, 2].map((slice) => sums(coOccurrence(whole), 3, slice)));
      const order = (row: object) => JSON.stringify(row);
      expect(slices.flat().map(order).sort()).toEqual(expected.map(order).sort());
    });
  });

  test("on a cluster every statement that makes a table is one that the engine's parser accepts", async () => {
    const statements: string[] = [];
    const recorded = {
      ...clickhouse,
      command: async (sql: string) => {
        statements.push(sql);
      },
    };
    await withWorkTables(
      recorded,
      { database: "shop", cluster: "shops" },
      { name: runName(0), now: 0 },
      async (work) => {
        const table = await createInteractions(work, "interactions", "`activity`", WEIGHTING, {
          watermark: 0,
          before: null,
        });
        expect(table).toMatch(/^`training_19700101T000000Z_[0-9a-f]{4}_interactions`$/);
      },
    );
    expect(statements.filter((sql) => sql.includes("Distributed(`shops`"))).toHaveLength(1);
    expect(
      statements.filter((sql) => sql.startsWith("CREATE")).every((sql) => sql.includes("ON CLUSTER `shops`")),
    ).toBe(true);
    for (const sql of statements.filter((statement) => !statement.includes("{"))) {
      await clickhouse.query(`EXPLAIN AST ${sql}`);
    }
  });
});

function elements(work: WorkTables, name: string, histories: string): Promise<string> {
  return work
    .create({ name, columns: "actor_id String, items Array(UInt32), elements Array(UInt32)", orderBy: "actor_id" })
    .then(async (table) => {
      await work.run(
        `INSERT INTO ${table} SELECT actor_id, items, arrayMap((w, d) -> toUInt32(1000000 * w / d), weights, degrees) FROM (${histories})`,
      );
      return table;
    });
}
