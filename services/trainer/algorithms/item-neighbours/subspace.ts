/**
 * The directions in which a sparse matrix is largest: randomised subspace iteration (Halko, Martinsson, Tropp, SIAM Review
 * 2011, algorithm 4.4), made orthonormal by Cholesky's decomposition of the Gramian. Sums do not depend on the threads.
 */
import type { FactorMemory } from "../../../scoring/index.ts";
import { Gramian } from "../vector-model/gramian.ts";
import { initialise } from "../vector-model/initial.ts";
import type { SparseRows } from "../vector-model/interaction-rows.ts";
import type { Team } from "../vector-model/team.ts";
import { type LowPassJob, TASK_ROWS } from "./job.ts";

const ITERATIONS = 5;
const SEED = 1;
/**
 * Of the largest direction's square: below it the rounding of Float32 cannot tell a direction from none. Two products with
 * the matrix lie between, so directions below about a thirtieth of the largest are dropped.
 */
const SMALLEST_PART = 1e-6;

export interface Problem {
  readonly memory: FactorMemory;
  readonly team: Pick<Team<LowPassJob>, "run">;
  /** The matrix, a row an actor; byItem: the same, a row an item. */
  readonly byActor: SparseRows;
  readonly byItem: SparseRows;
  /** A multiple of FACTOR_BLOCK. */
  readonly factors: number;
}

/**
 * @returns address of a matrix with a row of `factors` Float32 an item, whose columns are orthonormal, or 0 where the matrix
 * has fewer directions that are large enough
 * @throws FactorMemoryError
 */
export async function subspace(problem: Problem, onProgress: (share: number) => void): Promise<number> {
  const { memory, team, byActor, byItem, factors } = problem;
  const room = (rows: SparseRows) => memory.take((rows.count + 3) * factors * 4);
  const [items, actors] = [room(byItem), room(byActor)];
  const square = memory.take(factors ** 2 * 4);
  const gramian = new Gramian(memory, team, factors);
  const multiply = ({ count: rows, starts, columns, weights }: SparseRows, other: number, into: number) =>
    team.run({ kind: "multiply", rows, rowsPerTask: TASK_ROWS, factors, starts, columns, weights, other, into });
  initialise(memory.floats(items, byItem.count * factors), factors, SEED);
  for (let done = 0; done < ITERATIONS; done += 1) {
    await multiply(byActor, items, actors);
    await multiply(byItem, actors, items);
    // Twice: what rounding left of the first is small enough for the second.
    for (let pass = 0; pass < 2; pass += 1) {
      await gramian.of(items, byItem.count);
      memory.floats(square, factors ** 2).set(inverseRoot(memory.floats(gramian.square, factors ** 2), factors));
      await team.run({ kind: "transform", rows: byItem.count, rowsPerTask: TASK_ROWS, factors, matrix: items, square });
      if (done < ITERATIONS - 1) break;
    }
    onProgress((done + 1) / ITERATIONS);
  }
  return items;
}

/**
 * The upper triangular matrix T with T' G T = 1.
 *
 * @param gramian G, symmetric and positive, `size` x `size`
 * @returns T; a column of zeros for each direction that G has not
 */
export function inverseRoot(gramian: ArrayLike<number>, size: number): Float64Array {
  const at = (matrix: ArrayLike<number>, row: number, column: number) => matrix[row * size + column] as number;
  // U'U = G, row by row.
  const root = new Float64Array(size * size);
  let largest = 0;
  for (let k = 0; k < size; k += 1) largest = Math.max(largest, at(gramian, k, k));
  for (let k = 0; k < size; k += 1) {
    for (let column = k; column < size; column += 1) {
      let sum = at(gramian, k, column);
      for (let row = 0; row < k; row += 1) sum -= at(root, row, k) * at(root, row, column);
      if (column === k && !(sum > SMALLEST_PART * largest)) break;
      root[k * size + column] = column === k ? Math.sqrt(sum) : sum / at(root, k, k);
    }
  }
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column += 1) {
    if (at(root, column, column) === 0) continue;
    inverse[column * size + column] = 1 / at(root, column, column);
    for (let row = column - 1; row >= 0; row -= 1) {
      if (at(root, row, row) === 0) continue;
      let sum = 0;
      for (let k = row + 1; k <= column; k += 1) sum += at(root, row, k) * at(inverse, k, column);
      inverse[row * size + column] = -sum / at(root, row, row);
    }
  }
  return inverse;
}
