/** The product of a matrix's transpose and itself, from parts of its rows: the same whoever computed the parts. */
import type { FactorMemory } from "./factor-kernels.ts";

/** Parts of a Gramian, which are added up in order: their number may not depend on the threads. */
export const GRAMIAN_PARTS = 64;

/** Rows that each part is of. */
export function rowsPerPart(rows: number): number {
  return Math.max(1, Math.ceil(rows / GRAMIAN_PARTS));
}

/**
 * @param partials address of the parts, squares of `factors` one after the other, as the kernel `gramian` leaves them
 * @param into address of the whole square
 */
export function addUpGramian(memory: FactorMemory, partials: number, rows: number, factors: number, into: number) {
  const square = factors ** 2;
  const sums = new Float64Array(square);
  const step = rowsPerPart(rows);
  for (let part = 0; part * step < rows; part += 1) {
    const partial = memory.floats(partials + part * square * 4, square);
    for (let at = 0; at < square; at += 1) sums[at] = (sums[at] as number) + (partial[at] as number);
  }
  const gramian = memory.floats(into, square);
  for (let row = 0; row < factors; row += 1) {
    for (let column = row; column < factors; column += 1) {
      const value = sums[row * factors + column] as number;
      gramian[row * factors + column] = value;
      gramian[column * factors + row] = value;
    }
  }
}
