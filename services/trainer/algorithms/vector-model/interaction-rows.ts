/** Interactions as sparse matrices in shared memory: rows by actor, and the same by item. */
import type { FactorMemory } from "../../../scoring/index.ts";
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";

/** Rows of a sparse matrix: addresses of Int32 and Float32. */
export interface SparseRows {
  readonly count: number;
  /** Of each row its first entry, and the end of the last. */
  readonly starts: number;
  readonly columns: number;
  readonly weights: number;
  /** The most entries of a row. */
  readonly longest: number;
}

const ENTRIES_PER_PAGE = 200_000;

/**
 * An actor's weights relative to its largest, as they are when it is asked for: what counts is what of it mattered most,
 * not how active it is.
 *
 * @throws ClickHouseError @throws FactorMemoryError
 */
export async function readActorRows(work: WorkTables, matrix: Matrix, memory: FactorMemory): Promise<SparseRows> {
  const { actorCount, entryCount } = matrix;
  const starts = memory.take((actorCount + 1) * 4);
  const columns = memory.take(entryCount * 4);
  const weights = memory.take(entryCount * 4);
  const [startOf, columnOf, weightOf] = [
    memory.ints(starts, actorCount + 1),
    memory.ints(columns, entryCount),
    memory.floats(weights, entryCount),
  ];
  const limit = Math.max(1, Math.floor((ENTRIES_PER_PAGE * actorCount) / Math.max(1, entryCount)));
  let actor = 0;
  let entry = 0;
  let longest = 0;
  for (let after = ""; ; ) {
    const page = await work.clickhouse.query<{ actor_id: string; items: number[]; weights: number[] }>(
      `SELECT actor_id, items, arrayMap(weight -> toFloat32(weight / arrayMax(weights)), weights) AS weights
       FROM ${matrix.histories} WHERE actor_id > {after:String} ORDER BY actor_id LIMIT {limit:UInt32}`,
      { after, limit },
    );
    for (const row of page) {
      columnOf.set(row.items, entry);
      weightOf.set(row.weights, entry);
      entry += row.items.length;
      actor += 1;
      startOf[actor] = entry;
      longest = Math.max(longest, row.items.length);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < limit) break;
    after = last.actor_id;
  }
  return { count: actorCount, starts, columns, weights, longest };
}

/** The same entries by column, each column's in the order of the rows. @throws FactorMemoryError */
export function transposed(memory: FactorMemory, rows: SparseRows, columnCount: number): SparseRows {
  const startOf = memory.ints(rows.starts, rows.count + 1);
  const entryCount = startOf[rows.count] as number;
  const starts = memory.take((columnCount + 1) * 4);
  const columns = memory.take(entryCount * 4);
  const weights = memory.take(entryCount * 4);
  const [columnOf, weightOf] = [memory.ints(rows.columns, entryCount), memory.floats(rows.weights, entryCount)];
  const [startOfColumn, rowOf, weightOfColumn] = [
    memory.ints(starts, columnCount + 1),
    memory.ints(columns, entryCount),
    memory.floats(weights, entryCount),
  ];
  let longest = 0;
  for (const column of columnOf) startOfColumn[column + 1] = (startOfColumn[column + 1] as number) + 1;
  for (let column = 0; column < columnCount; column += 1) {
    const entries = startOfColumn[column + 1] as number;
    longest = Math.max(longest, entries);
    startOfColumn[column + 1] = (startOfColumn[column] as number) + entries;
  }
  const filled = startOfColumn.slice(0, columnCount);
  for (let row = 0; row < rows.count; row += 1) {
    for (let entry = startOf[row] as number; entry < (startOf[row + 1] as number); entry += 1) {
      const column = columnOf[entry] as number;
      const place = filled[column] as number;
      rowOf[place] = row;
      weightOfColumn[place] = weightOf[entry] as number;
      filled[column] = place + 1;
    }
  }
  return { count: columnCount, starts, columns, weights, longest };
}
