import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import { plain } from "../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../clickhouse/index.ts";
import { runName, withWorkTables } from "../work-tables.ts";
import { RANKED_COLUMNS } from "./algorithm.ts";
import { NEIGHBOUR_COLUMNS } from "./neighbours-model.ts";
import { rankByNeighbours } from "./neighbours-ranking.ts";

const ITEMS = 12;
const LENGTH = 4;

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
});
afterAll(() => clickhouse.close());

/** [neighbour, weight] by item. */
type Model = readonly (readonly (readonly [number, number])[])[];

interface Asked {
  readonly history: readonly (readonly [number, number])[];
  readonly masked: readonly number[];
}

function ranked(model: Model, asked: readonly Asked[], entriesPerRange: number) {
  const layout = { database: clickhouse.database };
  return withWorkTables(clickhouse, layout, { name: runName(0), now: 0 }, async (work) => {
    const table = await work.create({ name: "neighbours", columns: NEIGHBOUR_COLUMNS, orderBy: "item" });
    await clickhouse.insert(
      plain(table),
      model.flatMap((entries, item) =>
        entries.length === 0 ? [] : [{ item, neighbours: entries.map(([n]) => n), weights: entries.map(([, w]) => w) }],
      ),
    );
    const cases = await work.create({
      name: "cases",
      columns:
        "case UInt32, history Array(UInt32), history_weights Array(Float64), recent Array(UInt32), masked Array(UInt32)",
      orderBy: "case",
    });
    await clickhouse.insert(
      plain(cases),
      asked.map(({ history, masked }, number) => ({
        case: number,
        history: history.map(([item]) => item),
        history_weights: history.map(([, weight]) => weight),
        recent: [],
        masked,
      })),
    );
    const into = await work.create({ name: "lists", columns: RANKED_COLUMNS, orderBy: "case" });
    const historyEntries = asked.reduce((sum, { history }) => sum + history.length, 0);
    const question = { table: cases, count: asked.length, historyEntries };
    await rankByNeighbours(work, { itemCount: ITEMS }, table, question, into, LENGTH, entriesPerRange);
    const rows = await clickhouse.query<{ case: number; ranked: number[]; scores: number[] }>(
      `SELECT case, ranked, scores FROM ${into} ORDER BY case`,
    );
    const lists: (readonly [number, number])[][] = asked.map(() => []);
    for (const row of rows) lists[row.case] = row.ranked.map((item, place) => [item, row.scores[place]!]);
    return lists;
  });
}

function bruteForce(model: Model, { history, masked }: Asked): (readonly [number, number])[] {
  const sums = new Map<number, number>();
  for (const [item, weight] of history) {
    for (const [neighbour, similarity] of model[item] ?? []) {
      sums.set(neighbour, (sums.get(neighbour) ?? 0) + weight * similarity);
    }
  }
  return [...sums]
    .filter(([item, sum]) => sum > 0 && !masked.includes(item))
    .sort(([one, a], [other, b]) => b - a || one - other)
    .slice(0, LENGTH);
}

const item = fc.integer({ min: 0, max: ITEMS - 1 });
// Fractions of two, whose sums have no error.
const weight = fc.constantFrom(0, 0.125, 0.25, 0.5, 1);
const model = fc.array(fc.uniqueArray(fc.tuple(item, weight), { selector: ([n]) => n, maxLength: 8 }), {
  minLength: ITEMS,
  maxLength: ITEMS,
});
const asked = fc.record({
  history: fc.uniqueArray(fc.tuple(item, weight), { selector: ([n]) => n, maxLength: 6 }),
  masked: fc.uniqueArray(item, { maxLength: 3 }),
});

test("lists are those of a brute-force sum, in whatever parts the model is read", async () => {
  await fc.assert(
    fc.asyncProperty(
      model,
      fc.array(asked, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(5, 20, 1_000),
      async (entries, questions, entriesPerRange) => {
        const lists = await ranked(entries, questions, entriesPerRange);
        expect(lists).toEqual(questions.map((question) => bruteForce(entries, question)));
      },
    ),
    { numRuns: 12 },
  );
});
