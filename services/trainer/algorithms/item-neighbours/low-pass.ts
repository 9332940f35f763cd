/**
 * The ideal low-pass filter of GF-CF (Shen et al., CIKM 2021, arXiv:2108.07567): beside what two items share, what they have
 * in common with the large movements of the whole graph. With R~ = D_U^-1/2 R D_I^-1/2 and V the directions in which it is
 * largest,
 *
 *     neighbours of i gain  lowPass x (D_I^-1/2 V V' D_I^1/2)_ij
 *
 * for those j that are its neighbours already, so that the model stays as sparse as it is. Weights of an actor are relative
 * to its largest.
 */
import { FACTOR_BLOCK, FactorMemory } from "../../../scoring/index.ts";
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";
import { readActorRows, type SparseRows, transposed } from "../vector-model/interaction-rows.ts";
import { lowPassTeam, TASK_ROWS } from "./job.ts";
import { subspace } from "./subspace.ts";

export interface LowPassParameters {
  /** What the filter counts beside the neighbours' weights. */
  readonly lowPass: number;
  /** Directions that pass it; in blocks of FACTOR_BLOCK, and no more than there are items or memory has room for. */
  readonly lowPassFactors: number;
  /** At most so many an item in the table. */
  readonly neighbours: number;
}

/** Entries of neighbours that are in memory at once. */
const ENTRIES_PER_PAGE = 1_000_000;
/** Above the number of neighbours that an item can have here: a weight and a place in one number. */
const PLACES = 2 ** 20;

/**
 * @param from table of NEIGHBOUR_COLUMNS, into: another one, which is filled
 * @throws ClickHouseError @throws FactorMemoryError
 */
export async function addLowPass(
  work: WorkTables,
  matrix: Matrix,
  [from, into]: readonly [string, string],
  { lowPass, lowPassFactors, neighbours }: LowPassParameters,
  onProgress: (share: number) => void,
): Promise<void> {
  const factors =
    FACTOR_BLOCK * Math.ceil(Math.min(lowPassFactors, matrix.touchedCount, roomFor(matrix)) / FACTOR_BLOCK);
  const memory = new FactorMemory();
  const byActor = await readActorRows(work, matrix, memory);
  const degrees = normalise(memory, byActor, matrix.touchedCount);
  const byItem = transposed(memory, byActor, matrix.touchedCount);
  const team = lowPassTeam(memory, TASK_ROWS * factors * 4);
  try {
    const basis = await subspace({ memory, team, byActor, byItem, factors }, (share) => onProgress(share / 2));
    const vectors = memory.floats(basis, matrix.touchedCount * factors);
    const scores: Scores = { vectors, factors, degrees, lowPass };
    await regain(work, matrix, [from, into], { neighbours, scores }, (share) => onProgress((1 + share) / 2));
  } finally {
    await team.close();
  }
}

/**
 * Directions that the memory of 2 GiB has room for, beside the interactions by actor and by item: with two million actors and
 * items together some 200. At least one block, so that what is too much for any says so itself.
 */
function roomFor({ actorCount, touchedCount, entryCount }: Matrix): number {
  const OTHERS = 2 ** 26;
  const perDirection = 4 * (actorCount + touchedCount);
  const interactions = 16 * entryCount + 4 * (actorCount + touchedCount);
  const room = (2 ** 31 - OTHERS - interactions) / perDirection;
  return FACTOR_BLOCK * Math.max(1, Math.floor(room / FACTOR_BLOCK));
}

/** Divides each weight by the roots of its row's and its column's sum. @returns the sums of the columns */
function normalise(memory: FactorMemory, rows: SparseRows, columnCount: number): Float64Array {
  const startOf = memory.ints(rows.starts, rows.count + 1);
  const entries = startOf[rows.count] as number;
  const [columns, weights] = [memory.ints(rows.columns, entries), memory.floats(rows.weights, entries)];
  const degrees = new Float64Array(columnCount);
  for (let at = 0; at < entries; at += 1) {
    const column = columns[at] as number;
    degrees[column] = (degrees[column] as number) + (weights[at] as number);
  }
  for (let row = 0; row < rows.count; row += 1) {
    const [first, end] = [startOf[row] as number, startOf[row + 1] as number];
    const degree = weights.subarray(first, end).reduce((sum, weight) => sum + weight, 0);
    for (let at = first; at < end; at += 1) {
      weights[at] = (weights[at] as number) / Math.sqrt(degree * (degrees[columns[at] as number] as number));
    }
  }
  return degrees;
}

/** What a neighbour gains. */
interface Scores {
  /** Rows of `factors`, an item each. */
  readonly vectors: Float32Array;
  readonly factors: number;
  readonly degrees: Float64Array;
  readonly lowPass: number;
}

function gainOf({ vectors, factors, degrees, lowPass }: Scores, item: number, neighbour: number): number {
  // Four sums at a time, so that no addition waits for the one before; factors are a multiple of four.
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  const end = (item + 1) * factors;
  for (let a = item * factors, b = neighbour * factors; a < end; a += 4, b += 4) {
    sum0 += (vectors[a] as number) * (vectors[b] as number);
    sum1 += (vectors[a + 1] as number) * (vectors[b + 1] as number);
    sum2 += (vectors[a + 2] as number) * (vectors[b + 2] as number);
    sum3 += (vectors[a + 3] as number) * (vectors[b + 3] as number);
  }
  return lowPass * (sum0 + sum1 + sum2 + sum3) * Math.sqrt((degrees[neighbour] as number) / (degrees[item] as number));
}

/** Copies the table of neighbours with what each gains, the most similar first, ties by item; none is below 0. */
async function regain(
  work: WorkTables,
  { touchedCount }: Matrix,
  [from, into]: readonly [string, string],
  { neighbours, scores }: { readonly neighbours: number; readonly scores: Scores },
  onProgress: (share: number) => void,
): Promise<void> {
  const size = Math.max(1, Math.floor(ENTRIES_PER_PAGE / neighbours));
  // In the order of neighbours, each with its weight as the whole number that its bits are: printed and read sooner.
  const read = (item: number) =>
    work.clickhouse.query<{ item: number; numbers: number[]; own: number[] }>(
      `
SELECT item, arrayMap(entry -> toUInt32(bitShiftRight(entry, 32)), entries) AS numbers, arrayMap(entry -> toUInt32(entry), entries) AS own
FROM (
  SELECT item, arraySort(arrayMap((neighbour, weight) ->
    bitShiftLeft(toUInt64(neighbour), 32) + reinterpretAsUInt32(weight), neighbours, weights)) AS entries
  FROM ${from} WHERE item >= {item:UInt32} AND item < {to:UInt32}
)
ORDER BY item`,
      { item, to: item + size },
    );
  // The engine reads a page while the one before is scored.
  let next = read(0);
  for (let item = 0; item < touchedCount; item += size) {
    const page = await next;
    if (item + size < touchedCount) next = read(item + size);
    await work.clickhouse.insert(
      into,
      page.map(({ item: of, numbers, own }) => ({ item: of, ...sorted(scores, of, numbers, own) })),
    );
    onProgress(Math.min(1, (item + size) / touchedCount));
  }
}

/** @param numbers ascending @param own bits of their weights */
function sorted(scores: Scores, item: number, numbers: readonly number[], own: readonly number[]) {
  const count = numbers.length;
  // The bits of numbers that are not below 0 have their order; sorting numbers is much faster than sorting pairs.
  const bits = Uint32Array.from(own);
  const weights = new Float32Array(bits.buffer);
  const order = new Float64Array(count);
  for (let at = 0; at < count; at += 1) {
    weights[at] = Math.max(0, (weights[at] as number) + gainOf(scores, item, numbers[at] as number));
    order[at] = (bits[at] as number) * PLACES + (PLACES - 1 - at);
  }
  order.sort();
  const best = { neighbours: new Array<number>(count), weights: new Array<number>(count) };
  for (let rank = 0; rank < count; rank += 1) {
    const place = PLACES - 1 - ((order[count - 1 - rank] as number) % PLACES);
    best.neighbours[rank] = numbers[place] as number;
    best.weights[rank] = weights[place] as number;
  }
  return best;
}
