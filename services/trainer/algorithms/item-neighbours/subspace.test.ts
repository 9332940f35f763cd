import { describe, expect, test } from "vitest";
import { FactorMemory } from "../../../scoring/index.ts";
import { type SparseRows, transposed } from "../vector-model/interaction-rows.ts";
import { lowPassTeam, TASK_ROWS } from "./job.ts";
import { inverseRoot, subspace } from "./subspace.ts";

const FACTORS = 16;

/** Rows of a dense matrix, as the threads read them. */
function sparse(memory: FactorMemory, matrix: readonly (readonly number[])[]): SparseRows {
  const entries = matrix.map((row) => row.flatMap((value, column) => (value === 0 ? [] : [[column, value] as const])));
  const count = entries.flat().length;
  const [starts, columns, weights] = [
    memory.take((matrix.length + 1) * 4),
    memory.take(count * 4),
    memory.take(count * 4),
  ];
  let end = 0;
  const ends = [0, ...entries.map((row) => (end += row.length))];
  memory.ints(starts, ends.length).set(ends);
  memory.ints(columns, count).set(entries.flat().map(([column]) => column));
  memory.floats(weights, count).set(entries.flat().map(([, value]) => value));
  return { count: matrix.length, starts, columns, weights, longest: Math.max(...entries.map((row) => row.length)) };
}

async function basisOf(matrix: readonly (readonly number[])[], threads = 2): Promise<number[][]> {
  const columnCount = matrix[0]!.length;
  const memory = new FactorMemory();
  const byActor = sparse(memory, matrix);
  const byItem = transposed(memory, byActor, columnCount);
  const team = lowPassTeam(memory, TASK_ROWS * FACTORS * 4, threads);
  const basis = await subspace({ memory, team, byActor, byItem, factors: FACTORS }, () => {});
  await team.close();
  const values = memory.floats(basis, columnCount * FACTORS);
  return Array.from({ length: columnCount }, (_, item) => [...values.subarray(item * FACTORS, (item + 1) * FACTORS)]);
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);
const column = (matrix: readonly (readonly number[])[], at: number) => matrix.map((row) => row[at]!);

/** Directions of known lengths: each row is a multiple of one of them, or of a faint one that is left out. */
function planted(strong: number, faint: number): { matrix: number[][]; directions: number[][] } {
  const width = 120;
  const own = width / (strong + faint);
  const directions = Array.from({ length: strong + faint }, (_, direction) =>
    Array.from({ length: width }, (_, item) => (Math.floor(item / own) === direction ? 1 + (item % 3) : 0)),
  );
  const matrix = directions.flatMap((direction, at) =>
    [1, 2, 3].map((times) => direction.map((value) => value * times * (at < strong ? 1 : 0.2))),
  );
  return { matrix, directions: directions.slice(0, strong) };
}

describe("the subspace of a low-pass filter", () => {
  test("has orthonormal columns, and holds the directions in which the matrix is large", async () => {
    const { matrix, directions } = planted(FACTORS, 8);
    const basis = await basisOf(matrix);
    for (let one = 0; one < FACTORS; one += 1) {
      for (let other = 0; other < FACTORS; other += 1) {
        expect(dot(column(basis, one), column(basis, other))).toBeCloseTo(one === other ? 1 : 0, 4);
      }
    }
    for (const direction of directions) {
      const parts = Array.from({ length: FACTORS }, (_, at) => dot(direction, column(basis, at)));
      expect(dot(parts, parts) / dot(direction, direction)).toBeCloseTo(1, 4);
    }
  });

  test("of a matrix with fewer directions than asked for, holds these and nothing else", async () => {
    const { matrix, directions } = planted(5, 0);
    const basis = await basisOf(matrix);
    let length = 0;
    for (let at = 0; at < FACTORS; at += 1) length += dot(column(basis, at), column(basis, at));
    expect(length).toBeCloseTo(5, 3);
    for (const direction of directions) {
      const parts = Array.from({ length: FACTORS }, (_, at) => dot(direction, column(basis, at)));
      expect(dot(parts, parts) / dot(direction, direction)).toBeCloseTo(1, 4);
    }
  });

  test("is the same bits with one thread or three", async () => {
    const { matrix } = planted(FACTORS, 8);
    expect(await basisOf(matrix, 3)).toEqual(await basisOf(matrix, 1));
  });

  test("the inverse root of a Gramian makes it the unit", () => {
    const gramian = [4, 2, 0.4, 2, 5, 1, 0.4, 1, 3];
    const root = inverseRoot(gramian, 3);
    const product = (left: ArrayLike<number>, right: ArrayLike<number>, turned: boolean) =>
      Array.from({ length: 9 }, (_, at) => {
        const [row, col] = [Math.floor(at / 3), at % 3];
        return [0, 1, 2].reduce(
          (sum, k) => sum + (turned ? left[k * 3 + row]! : left[row * 3 + k]!) * right[k * 3 + col]!,
          0,
        );
      });
    const unit = product(root, product(gramian, root, false), true);
    for (const [at, value] of unit.entries()) expect(value).toBeCloseTo(at % 4 === 0 ? 1 : 0, 10);
  });
});
