/** One period of the activity, and the models that are fitted on it. */
import type { Algorithm, FittedModel } from "./algorithms/algorithm.ts";
import { createInteractions, type Weighting, type Window } from "./interactions.ts";
import { createMatrix, type Matrix } from "./matrix.ts";
import { recipeKey, recipeOf } from "./recipes.ts";
import type { WorkTables } from "./work-tables.ts";

export interface PeriodOptions {
  /** Begins the names of work tables. */
  readonly name: string;
  /** Table of ACTIVITY_COLUMNS, or a subquery. */
  readonly activity: string;
  /** Table of CATALOGUE_COLUMNS; `null`: nothing is known of items but what people did with them. */
  readonly catalogue: string | null;
  readonly weighting: Weighting;
  readonly window: Window;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Fits each recipe at most once, whoever asks for it. */
export class Period {
  readonly matrix: Matrix;
  readonly #work: WorkTables;
  readonly #options: PeriodOptions;
  readonly #models = new Map<string, Promise<FittedModel>>();
  readonly #seconds = new Map<string, number>();
  readonly #preparation: number;

  private constructor(work: WorkTables, options: PeriodOptions, matrix: Matrix, preparation: number) {
    this.#work = work;
    this.#options = options;
    this.matrix = matrix;
    this.#preparation = preparation;
  }

  /** @throws ClickHouseError */
  static async open(work: WorkTables, options: PeriodOptions): Promise<Period> {
    const { name, activity, catalogue, weighting, window, now } = options;
    const began = now();
    const interactions = await createInteractions(work, `${name}_interactions`, activity, weighting, window);
    const matrix = await createMatrix(work, name, interactions, catalogue);
    return new Period(work, options, matrix, (now() - began) / 1000);
  }

  /** @throws ClickHouseError, and whatever the algorithm throws */
  fit(algorithm: Algorithm, onProgress: (share: number) => void = () => {}): Promise<FittedModel> {
    const key = recipeKey(recipeOf(algorithm));
    const known = this.#models.get(key);
    if (known !== undefined) return known;
    const model = this.#fitted(algorithm, key, onProgress);
    this.#models.set(key, model);
    return model;
  }

  async #fitted(algorithm: Algorithm, key: string, onProgress: (share: number) => void): Promise<FittedModel> {
    const { name, activity, weighting, window, now } = this.#options;
    const began = now();
    const model = await algorithm.fit({
      work: this.#work,
      name: `${name}_${algorithm.name}_${this.#seconds.size}`,
      activity,
      weighting,
      window,
      matrix: this.matrix,
      onProgress,
      fitted: (component) => this.fit(component),
    });
    this.#seconds.set(key, this.#preparation + (now() - began) / 1000);
    return model;
  }

  /** From the activity to the fitted model, without the fits of others that it made use of before. */
  seconds(algorithm: Algorithm): number {
    return this.#seconds.get(recipeKey(recipeOf(algorithm))) ?? 0;
  }

  /** Gives back what the models hold; none of them is used afterwards. */
  async close(): Promise<void> {
    const models = await Promise.allSettled(this.#models.values());
    this.#models.clear();
    for (const model of models) if (model.status === "fulfilled") await model.value.close?.();
  }
}
