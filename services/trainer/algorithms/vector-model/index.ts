/** Models that have a vector for each item, and score an item by its product with one of the actor. */
import type { FactorMemory } from "../../../scoring/index.ts";
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";
import type { Case } from "../rank-cases.ts";
import type { RankJob } from "./rank-task.ts";
import type { ScreenedItems } from "./screen.ts";
import type { Team } from "./team.ts";

export const ROWS_PER_RANKING = 32;
const ITEMS_PER_INSERT = 2_000;

export interface ItemVectors {
  readonly memory: FactorMemory;
  readonly team: Pick<Team<RankJob>, "run">;
  readonly factors: number;
  /** Address of `itemCount` rows of `factors` Float32. */
  readonly items: number;
  readonly itemCount: number;
  readonly screened: ScreenedItems;
}

/**
 * For each case the items with the largest products, of those above 0, that are not masked.
 *
 * @param vectors address of the cases' vectors; takes memory that the caller releases
 */
export async function rankVectors(of: ItemVectors, page: readonly Case[], vectors: number, length: number) {
  const { memory, team, factors, items, screened } = of;
  const masked = sparseItems(
    memory,
    page.map((question) => question.masked),
  );
  const ranked = memory.take(page.length * length * 4);
  const scores = memory.take(page.length * length * 4);
  await team.run({
    kind: "rank",
    rows: page.length,
    rowsPerTask: ROWS_PER_RANKING,
    factors,
    vectors,
    other: items,
    screened,
    maskedStarts: masked.starts,
    maskedItems: masked.columns,
    ...{ length, ranked, scores },
  });
  const rankedOf = memory.ints(ranked, page.length * length);
  const scoreOf = memory.floats(scores, page.length * length);
  return page.map((question, at) => {
    const best = rankedOf.subarray(at * length, (at + 1) * length);
    const found = best.indexOf(-1);
    const count = found < 0 ? length : found;
    return {
      case: question.case,
      items: [...best.subarray(0, count)],
      scores: [...scoreOf.subarray(at * length, at * length + count)],
    };
  });
}

/** @throws ClickHouseError */
export async function storeVectors(
  work: WorkTables,
  matrix: Matrix,
  version: string,
  vector: (item: number) => number[],
): Promise<void> {
  for (let from = 0; from < matrix.touchedCount; from += ITEMS_PER_INSERT) {
    const ids = await work.clickhouse.query<{ item: number; item_id: string }>(
      `SELECT item, item_id FROM ${matrix.items} WHERE item >= {from:UInt32} AND item < {to:UInt32} ORDER BY item`,
      { from, to: from + ITEMS_PER_INSERT },
    );
    await work.clickhouse.insert(
      "model_vectors",
      ids.map(({ item, item_id }) => ({ version, item_id, vector: vector(item) })),
    );
  }
}

/** @param vectors rows of `factors` numbers */
export function vectorFault(vectors: Float32Array, factors: number): string | undefined {
  if (!vectors.every(Number.isFinite)) return "a factor is not finite";
  if (vectors.every((value) => Math.abs(value) < 1e-20)) return "all factors are 0";
  if (vectors.length > factors && vectors.every((value, at) => value === vectors[at % factors])) {
    return "all items have one vector";
  }
  return undefined;
}

/** Lists of numbers one after the other: addresses of Int32. */
export function sparseItems(memory: FactorMemory, lists: readonly (readonly number[])[]) {
  const entryCount = lists.reduce((sum, list) => sum + list.length, 0);
  const starts = memory.take((lists.length + 1) * 4);
  const columns = memory.take(entryCount * 4);
  const startOf = memory.ints(starts, lists.length + 1);
  const columnOf = memory.ints(columns, entryCount);
  startOf[0] = 0;
  let longest = 0;
  for (const [at, list] of lists.entries()) {
    const start = startOf[at] as number;
    columnOf.set(list, start);
    startOf[at + 1] = start + list.length;
    longest = Math.max(longest, list.length);
  }
  return { starts, columns, entryCount, longest };
}
