/** The Gramian of a matrix, by a team. */
import { addUpGramian, type FactorMemory, GRAMIAN_PARTS, rowsPerPart } from "../../../scoring/index.ts";
import type { Seat } from "./seat.ts";
import type { Job, Team } from "./team.ts";

/** Of each task's rows F the product F'F: its upper triangle, a square of factors x factors for each task. */
export interface GramianJob extends Job {
  readonly kind: "gramian";
  readonly factors: number;
  readonly matrix: number;
  readonly partials: number;
}

export function gramianTask({ kernels }: Seat, job: GramianJob, from: number, to: number): void {
  const partial = job.partials + (from / job.rowsPerTask) * job.factors ** 2 * 4;
  kernels.gramian(job.matrix, from, to, job.factors, partial);
}

/** Room for what it takes, and for the result. */
export class Gramian {
  /** Address of a square of `factors`. */
  readonly square: number;
  readonly #memory: FactorMemory;
  readonly #team: Pick<Team<GramianJob>, "run">;
  readonly #factors: number;
  readonly #partials: number;

  constructor(memory: FactorMemory, team: Pick<Team<GramianJob>, "run">, factors: number) {
    this.#memory = memory;
    this.#team = team;
    this.#factors = factors;
    this.square = memory.take(factors ** 2 * 4);
    this.#partials = memory.take(GRAMIAN_PARTS * factors ** 2 * 4);
  }

  /** @param matrix address of `rows` rows of `factors` Float32 */
  async of(matrix: number, rows: number): Promise<void> {
    const [factors, partials] = [this.#factors, this.#partials];
    await this.#team.run({ kind: "gramian", rows, rowsPerTask: rowsPerPart(rows), factors, matrix, partials });
    addUpGramian(this.#memory, partials, rows, factors, this.square);
  }
}
