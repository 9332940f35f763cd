/**
 * Vectors of actors and items whose product says how much they go together: implicit ALS (als.ts has the papers). An
 * actor's vector is solved for when it is asked for, from what it did, so that one that was not in training, or has done
 * more since, is answered as any other.
 */
import { FACTOR_BLOCK, FactorMemory, FOLD_IN_SWEEPS, factorKernels } from "../../../scoring/index.ts";
import type { Matrix } from "../../matrix.ts";
import type { SearchSpace } from "../../tuning/space.ts";
import type { WorkTables } from "../../work-tables.ts";
import type { Algorithm, Cases, FittedModel } from "../algorithm.ts";
import { type Case, readCases, writeRanked } from "../rank-cases.ts";
import { rankVectors, sparseItems, storeVectors, vectorFault } from "../vector-model/index.ts";
import { readActorRows, type SparseRows, transposed } from "../vector-model/interaction-rows.ts";
import { type ScreenedItems, screenItems } from "../vector-model/screen.ts";
import type { Team } from "../vector-model/team.ts";
import { type FactorisationParameters, factorise, Side } from "./als.ts";
import { type FactorisationJob, factorisationTeam } from "./job.ts";

const DEFAULTS: FactorisationParameters = {
  factors: 128,
  passes: 8,
  unobserved: 0.01,
  ridge: 0.003,
  ridgePower: 1,
  seed: 1,
};

const SPACE: SearchSpace = {
  factors: { choices: [64, 128, 192] },
  passes: { from: 4, to: 12, whole: true },
  unobserved: { from: 0.001, to: 0.3, logarithmic: true },
  ridge: { from: 0.0003, to: 0.1, logarithmic: true },
  ridgePower: { from: 0.5, to: 1 },
};

/** Beside what solving needs: what ranking needs for the vectors of a task, and lists of some items. */
const SMALLEST_SCRATCH = 65_536;

export function factorisation(parameters: Partial<FactorisationParameters> = {}): Algorithm {
  const configuration = { ...DEFAULTS, ...parameters };
  const factors = Math.ceil(configuration.factors / FACTOR_BLOCK) * FACTOR_BLOCK;
  const chosen = { ...configuration, factors };
  return {
    name: "factorisation",
    needsTime: false,
    parameters: chosen,
    space: SPACE,
    async fit({ work, matrix, weighting, onProgress }) {
      const memory = new FactorMemory();
      const byActor = await readActorRows(work, matrix, memory);
      const byItem = transposed(memory, byActor, matrix.touchedCount);
      const longest = Math.max(byActor.longest, byItem.longest, weighting.historyItems);
      const { scratchBytes } = factorKernels(memory.memory);
      const team = factorisationTeam(memory, Math.max(SMALLEST_SCRATCH, scratchBytes(longest)));
      const side = new Side(memory, team, chosen);
      const fitting = factorise(memory, side, byActor, byItem, chosen, (done) => onProgress(done / chosen.passes));
      const { items } = await fitting.catch(async (cause: unknown) => {
        await team.close();
        throw cause;
      });
      return new FactorModel({ work, matrix, memory, team, side, items, parameters: chosen });
    },
  };
}

interface Fitted {
  readonly work: WorkTables;
  readonly matrix: Matrix;
  readonly memory: FactorMemory;
  readonly team: Team<FactorisationJob>;
  /** Prepared with the items' factors. */
  readonly side: Side;
  readonly items: number;
  readonly parameters: FactorisationParameters;
}

class FactorModel implements FittedModel {
  readonly #fitted: Fitted;

  constructor(fitted: Fitted) {
    this.#fitted = fitted;
  }

  async rank(cases: Cases, into: string, length: number): Promise<void> {
    const { memory, items, matrix, parameters } = this.#fitted;
    const room = memory.mark();
    try {
      const screened = screenItems(memory, items, matrix.touchedCount, parameters.factors);
      for await (const page of readCases(this.#fitted.work, cases)) {
        await writeRanked(this.#fitted.work, into, await this.#rankPage(page, screened, length));
      }
    } finally {
      memory.release(room);
    }
  }

  async #rankPage(page: readonly Case[], screened: ScreenedItems, length: number) {
    const { memory, team, side, items, matrix, parameters } = this.#fitted;
    const { factors } = parameters;
    const room = memory.mark();
    const rows = sparseRows(memory, page, matrix.touchedCount);
    const vectors = memory.take(page.length * factors * 4);
    memory.floats(vectors, page.length * factors).fill(0);
    await side.solve(rows, vectors, items, matrix.touchedCount, memory.take(page.length * 4), FOLD_IN_SWEEPS);
    const lists = await rankVectors(
      { memory, team, factors, items, itemCount: matrix.touchedCount, screened },
      page,
      vectors,
      length,
    );
    memory.release(room);
    return lists;
  }

  store(version: string): Promise<void> {
    const { work, matrix, memory, items, parameters } = this.#fitted;
    const { factors } = parameters;
    const vectors = memory.floats(items, matrix.touchedCount * factors);
    return storeVectors(work, matrix, version, (item) => [...vectors.subarray(item * factors, (item + 1) * factors)]);
  }

  async fault(): Promise<string | undefined> {
    const { matrix, memory, items, parameters } = this.#fitted;
    return vectorFault(memory.floats(items, matrix.touchedCount * parameters.factors), parameters.factors);
  }

  close(): Promise<void> {
    return this.#fitted.team.close();
  }
}

/** @param itemCount items with factors; others say nothing of a history */
function sparseRows(memory: FactorMemory, page: readonly Case[], itemCount: number): SparseRows {
  const known = (question: Case) => question.history.filter((item) => item < itemCount);
  const { starts, columns, entryCount, longest } = sparseItems(memory, page.map(known));
  const weights = memory.take(entryCount * 4);
  memory
    .floats(weights, entryCount)
    .set(
      page.flatMap(({ history, history_weights }) =>
        history_weights.filter((_, at) => (history[at] as number) < itemCount),
      ),
    );
  return { count: page.length, starts, columns, weights, longest };
}
