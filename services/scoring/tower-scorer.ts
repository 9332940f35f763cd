/** Scores of all items for a history, by a model of two towers that share the items' vectors (trainer: neural/towers.ts). */
import { FactorMemory, factorKernels, type Kernels } from "./factor-kernels.ts";

export interface TowerParameters {
  /** A multiple of FACTOR_BLOCK. */
  readonly factors: number;
  /** Of a history: 0: all that was touched counts alike. */
  readonly weightPower: number;
}

/**
 * Writes the vector of an actor, of length 1; zeros for one that did nothing.
 *
 * @param vectors an item a row
 * @param placeWeights logarithms, by place: the item touched last is at place 0, the last place is for all that is older
 * @param weights 0 to 1
 */
export function historyVector(
  vectors: Float32Array,
  placeWeights: Float32Array,
  { factors, weightPower }: TowerParameters,
  history: {
    readonly rows: readonly number[];
    readonly weights: readonly number[];
    readonly places: readonly number[];
  },
  into: Float32Array,
): void {
  into.fill(0);
  for (const [number, row] of history.rows.entries()) {
    const place = placeWeights[history.places[number] as number] as number;
    const share = (history.weights[number] as number) ** weightPower * Math.exp(place);
    for (let k = 0; k < factors; k += 1) {
      into[k] = (into[k] as number) + share * (vectors[row * factors + k] as number);
    }
  }
  const length = Math.sqrt(into.reduce((sum, value) => sum + value * value, 1e-12));
  for (let k = 0; k < factors; k += 1) into[k] = (into[k] as number) / length;
}

/** Holds scratch space: one question at a time. */
export class TowerScorer {
  readonly #memory = new FactorMemory();
  readonly #kernels: Kernels;
  readonly #parameters: TowerParameters;
  readonly #placeWeights: Float32Array;
  readonly #rows: number;
  readonly #items: number;
  readonly #vector: number;
  readonly #scores: number;

  /** @param vectors `rows` x `factors` numbers @throws FactorMemoryError */
  constructor(vectors: Float32Array, placeWeights: Float32Array, parameters: TowerParameters) {
    const { factors } = parameters;
    this.#parameters = parameters;
    this.#placeWeights = placeWeights;
    this.#rows = vectors.length / factors;
    this.#items = this.#memory.take(vectors.length * 4);
    this.#memory.floats(this.#items, vectors.length).set(vectors);
    this.#vector = this.#memory.take(factors * 4);
    this.#scores = this.#memory.take(this.#rows * 4);
    this.#kernels = factorKernels(this.#memory.memory);
  }

  /**
   * @param history rows of the items that the actor had to do with, the one touched last first
   * @param weights how much, the largest 1
   * @returns a score for each row; valid until the next call
   */
  score(history: readonly number[], weights: readonly number[]): Float32Array {
    const { factors } = this.#parameters;
    const oldest = this.#placeWeights.length - 1;
    const places = history.map((_, place) => Math.min(place, oldest));
    const vectors = this.#memory.floats(this.#items, this.#rows * factors);
    const into = this.#memory.floats(this.#vector, factors);
    historyVector(vectors, this.#placeWeights, this.#parameters, { rows: history, weights, places }, into);
    this.#kernels.products(this.#vector, this.#items, 0, this.#rows, factors, this.#scores);
    return this.#memory.floats(this.#scores, this.#rows);
  }
}
