/**
 * Factors of actors (W) and items (H) that make the smallest, for weights c of interactions,
 *
 *     sum over interactions of c (w h - 1)^2  +  unobserved x sum over all pairs of (w h)^2
 *       +  sum over actors of ridge(actor) w w  +  sum over items of ridge(item) h h
 *
 *     ridge(row) = ridge x (interactions of the row + unobserved x number of columns)^ridgePower
 *
 * Implicit ALS (Hu, Koren, Volinsky, ICDM 2008) with the weighting and regularisation of Rendle et al., "Revisiting the
 * performance of iALS on item recommendation benchmarks" (RecSys 2022, arXiv:2110.14037), solved by blocks: iALS++
 * (Rendle, Krichene, Zhang, Koren, arXiv:2110.14044).
 */
import { type FactorMemory, type FactorParameters, ridgeOf } from "../../../scoring/index.ts";
import { Gramian } from "../vector-model/gramian.ts";
import { initialise } from "../vector-model/initial.ts";
import type { SparseRows } from "../vector-model/interaction-rows.ts";
import type { Team } from "../vector-model/team.ts";
import type { FactorisationJob } from "./job.ts";

export interface FactorisationParameters extends FactorParameters {
  /** Passes over actors and items. */
  readonly passes: number;
  readonly seed: number;
}

const ROWS_PER_SOLVE = 64;

/** What solving for rows takes beside the rows: the other side's factors, and room for the product of these. */
export class Side {
  readonly #memory: FactorMemory;
  readonly #team: Team<FactorisationJob>;
  readonly #parameters: FactorisationParameters;
  readonly #gramian: Gramian;

  constructor(memory: FactorMemory, team: Team<FactorisationJob>, parameters: FactorisationParameters) {
    this.#memory = memory;
    this.#team = team;
    this.#parameters = parameters;
    this.#gramian = new Gramian(memory, team, parameters.factors);
  }

  /** Takes over the factors of the other side. Until it is called again, `solve` solves against these. */
  prepare(matrix: number, rows: number): Promise<void> {
    return this.#gramian.of(matrix, rows);
  }

  /**
   * @param own address of the rows' factors, in and out
   * @param ridges address of room for a number a row
   */
  async solve(rows: SparseRows, own: number, other: number, columnCount: number, ridges: number, sweeps: number) {
    const { factors, unobserved } = this.#parameters;
    const startOf = this.#memory.ints(rows.starts, rows.count + 1);
    const ridgeOfRow = this.#memory.floats(ridges, rows.count);
    for (let row = 0; row < rows.count; row += 1) {
      const entries = (startOf[row + 1] as number) - (startOf[row] as number);
      ridgeOfRow[row] = ridgeOf(this.#parameters, entries, columnCount);
    }
    const { starts, columns, weights, longest } = rows;
    await this.#team.run({
      kind: "solve",
      rows: rows.count,
      rowsPerTask: ROWS_PER_SOLVE,
      factors,
      sweeps,
      ...{ starts, columns, weights, longest, ridges, own, other, gram: this.#gramian.square, unobserved },
    });
  }
}

export interface Factors {
  readonly actors: number;
  readonly items: number;
}

/**
 * @param byActor rows by actor, byItem: the same by item
 * @returns addresses of the factors
 * @throws FactorMemoryError
 */
export async function factorise(
  memory: FactorMemory,
  side: Side,
  byActor: SparseRows,
  byItem: SparseRows,
  parameters: FactorisationParameters,
  onPass: (done: number) => void,
): Promise<Factors> {
  const { factors, passes, seed } = parameters;
  const actors = memory.take(byActor.count * factors * 4);
  const items = memory.take(byItem.count * factors * 4);
  const ridges = memory.take(Math.max(byActor.count, byItem.count) * 4);
  initialise(memory.floats(actors, byActor.count * factors), factors, 2 * seed);
  initialise(memory.floats(items, byItem.count * factors), factors, 2 * seed + 1);
  for (let pass = 0; pass < passes; pass += 1) {
    await side.prepare(items, byItem.count);
    await side.solve(byActor, actors, items, byItem.count, ridges, 1);
    await side.prepare(actors, byActor.count);
    await side.solve(byItem, items, actors, byActor.count, ridges, 1);
    onPass(pass + 1);
  }
  await side.prepare(items, byItem.count);
  return { actors, items };
}
