import { expect, test } from "vitest";
import { FactorMemory, factorKernels, TopList } from "../../../scoring/index.ts";
import { ROWS_PER_RANKING, sparseItems } from "./index.ts";
import { rankTask } from "./rank-task.ts";
import { screenItems } from "./screen.ts";

/** Numbers that look drawn at random, the same each time. */
function numbers(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

const SCRATCH = 65_536;

/** @param items and vectors rows of `factors` numbers */
function ranked(factors: number, items: Float32Array, vectors: Float32Array, masked: number[][], length: number) {
  const memory = new FactorMemory();
  const take = (matrix: Float32Array) => {
    const address = memory.take(matrix.length * 4);
    memory.floats(address, matrix.length).set(matrix);
    return address;
  };
  const [other, asked] = [take(items), take(vectors)];
  const rows = vectors.length / factors;
  const otherRows = items.length / factors;
  const { starts, columns } = sparseItems(memory, masked);
  const [ids, scores] = [memory.take(rows * length * 4), memory.take(rows * length * 4)];
  const screened = screenItems(memory, other, otherRows, factors);
  const scratch = memory.take(SCRATCH);
  const kernels = factorKernels(memory.memory);
  const seat = { memory: memory.memory, counter: 0, scratch, scratchBytes: SCRATCH, kernels };
  for (let from = 0; from < rows; from += ROWS_PER_RANKING) {
    rankTask(
      seat,
      {
        ...({ kind: "rank", rows, rowsPerTask: ROWS_PER_RANKING, factors, vectors: asked, other } as const),
        ...{ screened, maskedStarts: starts, maskedItems: columns, length, ranked: ids, scores },
      },
      from,
      Math.min(rows, from + ROWS_PER_RANKING),
    );
  }
  // All products, by the kernel that has no other way.
  const products = memory.take(otherRows * 4);
  const truth = masked.map((without, row) => {
    kernels.chosenProducts(asked + row * factors * 4, other, factors, everyRow(memory, otherRows), otherRows, products);
    const top = new TopList(length);
    for (const [item, score] of memory.floats(products, otherRows).entries()) {
      if (score > 0 && !without.includes(item)) top.add(item, score);
    }
    return top.take();
  });
  const found = masked.map((_, row) => {
    const items = [...memory.ints(ids, rows * length).subarray(row * length, (row + 1) * length)];
    const count = items.includes(-1) ? items.indexOf(-1) : length;
    const scored = [...memory.floats(scores, rows * length).subarray(row * length, row * length + count)];
    return { items: items.slice(0, count), scores: scored };
  });
  return { found, truth };
}

function everyRow(memory: FactorMemory, count: number): number {
  const address = memory.take(count * 4);
  for (const [row] of memory.ints(address, count).entries()) memory.ints(address, count)[row] = row;
  return address;
}

test.each([
  { factors: 16, items: 1, vectors: 1 },
  { factors: 16, items: 5_003, vectors: 37 },
  { factors: 64, items: 2_001, vectors: 70 },
  { factors: 256, items: 1_500, vectors: 33 },
  { factors: 512, items: 300, vectors: 5 },
])("lists are those of all products: $factors factors, $items items", ({ factors, items, vectors }) => {
  const next = numbers(factors + items);
  // Lengths from a thousandth to one, as popular and rare items have them.
  const matrix = Float32Array.from({ length: items * factors }, (_, at) => {
    const item = Math.floor(at / factors);
    return (next() + (at % factors < 3 ? 0.2 : 0)) / (1 + (item % 1_000));
  });
  const asked = Float32Array.from({ length: vectors * factors }, () => next());
  const masked = Array.from({ length: vectors }, (_, row) => [row % items, (row * 7) % items]);
  const { found, truth } = ranked(factors, matrix, asked, masked, 20);
  expect(found).toEqual(truth);
});

test("items of one score come by number, items below 0 and for a vector of zeros none", () => {
  const factors = 16;
  const row = (first: number) => [first, ...Array.from({ length: factors - 1 }, () => 0)];
  const items = Float32Array.from([1, -1, 2, 2, 0, 1, 2].flatMap(row));
  const vectors = Float32Array.from([1, 0, -3].flatMap(row));
  const { found } = ranked(factors, items, vectors, [[3], [], []], 3);
  expect(found).toEqual([
    { items: [2, 6, 0], scores: [2, 2, 1] },
    { items: [], scores: [] },
    { items: [1], scores: [3] },
  ]);
});

test("scores that differ by less than 16 bits can tell are told apart", () => {
  const factors = 256;
  const next = numbers(5);
  const items = 400;
  const base = Float32Array.from({ length: factors }, () => next());
  const matrix = Float32Array.from({ length: items * factors }, (_, at) => (base[at % factors] ?? 0) + next() * 1e-5);
  const { found, truth } = ranked(factors, matrix, Float32Array.from(base), [[]], 50);
  expect(found).toEqual(truth);
  expect(new Set(truth[0]?.items).size).toBe(50);
});

test("a long item of many small factors, which are nothing in 16 bits, hides none that comes after it", () => {
  const factors = 256;
  const row = (...first: number[]) => [...first, ...Array.from({ length: factors - first.length }, () => 0)];
  const items = Float32Array.from([
    ...Array.from({ length: 256 }, () => row(7.6, 2_896)).flat(),
    ...Array.from({ length: factors }, () => 0.49),
    ...row(7.8),
  ]);
  const { found } = ranked(factors, items, Float32Array.from(row(1)), [[]], 1);
  expect(found[0]?.items).toEqual([257]);
});
