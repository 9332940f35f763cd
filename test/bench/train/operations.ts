/** Floating-point operations of one pass of ALS, counted from what the kernels do (services/scoring/wasm/kernels.ts). */

export interface Problem {
  readonly rows: number;
  readonly columns: number;
  readonly entries: number;
}

const BLOCK = 16;

/** A multiplication and an addition are two. */
export function passOperations({ rows, columns, entries }: Problem, factors: number): number {
  const blocks = factors / BLOCK;
  // The upper triangle of a block is six tiles of 4 x 8, that of the product of all factors likewise half a square.
  const gramian = (rows + columns) * (factors * factors + 4 * factors);
  const perRow = blocks * (BLOCK * 2 * factors + BLOCK ** 3 / 3 + 4 * BLOCK ** 2);
  const perEntry = 2 * factors + blocks * (2 * 6 * 32 + BLOCK + 2 * BLOCK + 2 * BLOCK);
  return gramian + (rows + columns) * perRow + 2 * entries * perEntry;
}
