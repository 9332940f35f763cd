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
import { type FactorMemory, type FactorParameters, GRAMIAN_PARTS, ridgeOf } from "../../../scoring/index.ts";
import type { Team } from "../vector-model/team.ts";
import type { FactorisationJob } from "./job.ts";
import type { SparseRows } from "./problem.ts";

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
  readonly #gram: number;
  readonly #partials: number;

  constructor(memory: FactorMemory, team: Team<FactorisationJob>, parameters: FactorisationParameters) {
    this.#memory = memory;
    this.#team = team;
    this.#parameters = parameters;
    const square = parameters.factors ** 2;
    this.#gram = memory.take(square * 4);
    this.#partials = memory.take(GRAMIAN_PARTS * square * 4);
  }

  /** Takes over the factors of the other side. Until it is called again, `solve` solves against these. */
  async prepare(matrix: number, rows: number): Promise<void> {
    const { factors } = this.#parameters;
    const rowsPerTask = Math.max(1, Math.ceil(rows / GRAMIAN_PARTS));
    await this.#team.run({ kind: "gramian", rows, rowsPerTask, factors, matrix, partials: this.#partials });
    const square = factors ** 2;
    const sums = new Float64Array(square);
    for (let task = 0; task * rowsPerTask < rows; task += 1) {
      const partial = this.#memory.floats(this.#partials + task * square * 4, square);
      for (let at = 0; at < square; at += 1) sums[at] = (sums[at] as number) + (partial[at] as number);
    }
    const gram = this.#memory.floats(this.#gram, square);
    for (let row = 0; row < factors; row += 1) {
      for (let column = row; column < factors; column += 1) {
        const value = sums[row * factors + column] as number;
        gram[row * factors + column] = value;
        gram[column * factors + row] = value;
      }
    }
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
      ...{ starts, columns, weights, longest, ridges, own, other, gram: this.#gram, unobserved },
    });
  }
}

/** Small numbers around 0, by place and seed alone. */
export function initialise(values: Float32Array, factors: number, seed: number): void {
  const size = 0.1 / Math.sqrt(factors);
  for (let at = 0; at < values.length; at += 1) {
    // Three uniform numbers in -1 to 1 add up to a variance of 1.
    values[at] = size * (uniform(seed, at * 3) + uniform(seed, at * 3 + 1) + uniform(seed, at * 3 + 2));
  }
}

/** The finaliser of MurmurHash3 over a Weyl sequence. */
function uniform(seed: number, place: number): number {
  let hash = (Math.imul(place, 0x9e3779b1) + Math.imul(seed + 1, 0x85ebca6b)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 31 - 1;
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
