/**
 * Scores of all items for somebody whose history is known, from factors of items alone: the vector is solved for when it
 * is asked for (fold-in), so that it does not matter whether the actor was in training.
 */
import { FACTOR_BLOCK, FactorMemory, factorKernels, type Kernels } from "./factor-kernels.ts";
import { addUpGramian, GRAMIAN_PARTS, rowsPerPart } from "./gramian.ts";

export interface FactorParameters {
  /** A multiple of FACTOR_BLOCK. */
  readonly factors: number;
  /** Weight of a pair that never met. */
  readonly unobserved: number;
  readonly ridge: number;
  readonly ridgePower: number;
}

/** Sweeps over the blocks of a vector that is solved for from nothing. */
export const FOLD_IN_SWEEPS = 8;

/** Regularisation of a row, as als.ts defines it. */
export function ridgeOf(
  { ridge, ridgePower, unobserved }: FactorParameters,
  entries: number,
  columnCount: number,
): number {
  return ridge * (entries + unobserved * columnCount) ** ridgePower;
}

/** Holds scratch space: one question at a time. */
export class FactorScorer {
  readonly #memory = new FactorMemory();
  readonly #kernels: Kernels;
  readonly #parameters: FactorParameters;
  readonly #rows: number;
  readonly #items: number;
  readonly #gram: number;
  readonly #free: number;

  /**
   * @param vectors `rows` x `factors` numbers: an item a row
   * @throws FactorMemoryError @throws RangeError when the factors are no multiple of FACTOR_BLOCK
   */
  constructor(vectors: Float32Array, parameters: FactorParameters) {
    const { factors } = parameters;
    if (factors % FACTOR_BLOCK !== 0) throw new RangeError(`${factors} factors are no multiple of ${FACTOR_BLOCK}`);
    this.#parameters = parameters;
    this.#rows = vectors.length / factors;
    this.#items = this.#memory.take(vectors.length * 4);
    this.#memory.floats(this.#items, vectors.length).set(vectors);
    this.#gram = this.#memory.take(factors ** 2 * 4);
    this.#kernels = factorKernels(this.#memory.memory);
    this.#prepare();
    this.#free = this.#memory.mark();
  }

  #prepare(): void {
    const { factors } = this.#parameters;
    const rows = this.#rows;
    const square = factors ** 2;
    const mark = this.#memory.mark();
    const partials = this.#memory.take(GRAMIAN_PARTS * square * 4);
    const step = rowsPerPart(rows);
    for (let part = 0; part * step < rows; part += 1) {
      const to = Math.min(rows, (part + 1) * step);
      this.#kernels.gramian(this.#items, part * step, to, factors, partials + part * square * 4);
    }
    addUpGramian(this.#memory, partials, rows, factors, this.#gram);
    this.#memory.release(mark);
  }

  /**
   * @param history rows of the items that the actor had to do with, weights: how much, the largest 1
   * @returns a score for each row; valid until the next call
   */
  score(history: readonly number[], weights: readonly number[]): Float32Array {
    const { factors, unobserved } = this.#parameters;
    const memory = this.#memory;
    memory.release(this.#free);
    const entries = history.length;
    const starts = memory.take(8);
    const columns = memory.take(entries * 4);
    const weightsAt = memory.take(entries * 4);
    const ridges = memory.take(4);
    const vector = memory.take(factors * 4);
    const scratch = memory.take(this.#kernels.scratchBytes(entries));
    const scores = memory.take(this.#rows * 4);
    memory.ints(starts, 2).set([0, entries]);
    memory.ints(columns, entries).set(history);
    memory.floats(weightsAt, entries).set(weights);
    memory.floats(ridges, 1)[0] = ridgeOf(this.#parameters, entries, this.#rows);
    memory.floats(vector, factors).fill(0);
    this.#kernels.solve(
      ...([0, 1, factors, FOLD_IN_SWEEPS, starts, columns, weightsAt, ridges, vector, this.#items] as const),
      ...([this.#gram, unobserved, scratch] as const),
    );
    this.#kernels.products(vector, this.#items, 0, this.#rows, factors, scores);
    return memory.floats(scores, this.#rows);
  }
}
