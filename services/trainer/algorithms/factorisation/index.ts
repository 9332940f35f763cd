/**
 * Vectors of actors and items whose product says how much they go together: implicit ALS (als.ts has the papers). An
 * actor's vector is solved for when it is asked for, from what it did, so that one that was not in training, or has done
 * more since, is answered as any other.
 */
import { FACTOR_BLOCK, FactorMemory, factorKernels } from "../../../scoring/index.ts";
import type { Matrix } from "../../matrix.ts";
import type { SearchSpace } from "../../tuning/space.ts";
import type { WorkTables } from "../../work-tables.ts";
import type { Algorithm, Cases, FittedModel } from "../algorithm.ts";
import { type Case, readCases, writeRanked } from "../rank-cases.ts";
import { type FactorisationParameters, factorise, Side } from "./als.ts";
import { readActorRows, type SparseRows, transposed } from "./problem.ts";
import { Team } from "./team.ts";

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

/** Sweeps over the blocks of a vector that is solved for from nothing. */
const FOLD_IN_SWEEPS = 8;
/** Beside what solving needs: scores of some items for four vectors. */
const SMALLEST_SCRATCH = 65_536;
const ROWS_PER_RANKING = 32;
const ITEMS_PER_INSERT = 2_000;

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
      const byItem = transposed(memory, byActor, matrix.itemCount);
      const longest = Math.max(byActor.longest, byItem.longest, weighting.historyItems);
      const { scratchBytes } = factorKernels(memory.memory);
      const team = new Team(memory, Math.max(SMALLEST_SCRATCH, scratchBytes(longest)));
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
  readonly team: Team;
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
    for await (const page of readCases(this.#fitted.work, cases)) {
      await writeRanked(this.#fitted.work, into, await this.#rankPage(page, length));
    }
  }

  async #rankPage(page: readonly Case[], length: number) {
    const { memory, team, side, items, matrix, parameters } = this.#fitted;
    const { factors } = parameters;
    const room = memory.mark();
    const rows = sparseRows(memory, page);
    const vectors = memory.take((page.length + 3) * factors * 4);
    memory.floats(vectors, page.length * factors).fill(0);
    await side.solve(rows, vectors, items, matrix.itemCount, memory.take(page.length * 4), FOLD_IN_SWEEPS);
    const masked = sparseItems(
      memory,
      page.map((question) => question.masked),
    );
    const ranked = memory.take(page.length * length * 4);
    const scores = memory.take(page.length * length * 4);
    await team.run({
      kind: "rank",
      rows: page.length,
      rowsPerTask: ROWS_PER_RANKING,
      factors,
      vectors,
      other: items,
      otherRows: matrix.itemCount,
      maskedStarts: masked.starts,
      maskedItems: masked.columns,
      ...{ length, ranked, scores },
    });
    const rankedOf = memory.ints(ranked, page.length * length);
    const scoreOf = memory.floats(scores, page.length * length);
    const lists = page.map((question, at) => {
      const best = rankedOf.subarray(at * length, (at + 1) * length);
      const found = best.indexOf(-1);
      const count = found < 0 ? length : found;
      return {
        case: question.case,
        items: [...best.subarray(0, count)],
        scores: [...scoreOf.subarray(at * length, at * length + count)],
      };
    });
    memory.release(room);
    return lists;
  }

  async store(version: string): Promise<void> {
    const { work, matrix, memory, items, parameters } = this.#fitted;
    const { factors } = parameters;
    const vectors = memory.floats(items, matrix.itemCount * factors);
    for (let from = 0; from < matrix.itemCount; from += ITEMS_PER_INSERT) {
      const ids = await work.clickhouse.query<{ item: number; item_id: string }>(
        `SELECT item, item_id FROM ${matrix.items} WHERE item >= {from:UInt32} AND item < {to:UInt32} ORDER BY item`,
        { from, to: from + ITEMS_PER_INSERT },
      );
      await work.clickhouse.insert(
        "model_vectors",
        ids.map(({ item, item_id }) => ({
          version,
          item_id,
          vector: [...vectors.subarray(item * factors, (item + 1) * factors)],
        })),
      );
    }
  }

  async fault(): Promise<string | undefined> {
    const { matrix, memory, items, parameters } = this.#fitted;
    const vectors = memory.floats(items, matrix.itemCount * parameters.factors);
    if (!vectors.every(Number.isFinite)) return "a factor is not finite";
    if (vectors.every((value) => Math.abs(value) < 1e-20)) return "all factors are 0";
    return undefined;
  }

  close(): Promise<void> {
    return this.#fitted.team.close();
  }
}

function sparseRows(memory: FactorMemory, page: readonly Case[]): SparseRows {
  const { starts, columns, entryCount, longest } = sparseItems(
    memory,
    page.map((question) => question.history),
  );
  const weights = memory.take(entryCount * 4);
  memory.floats(weights, entryCount).set(page.flatMap((question) => question.history_weights));
  return { count: page.length, starts, columns, weights, longest };
}

function sparseItems(memory: FactorMemory, lists: readonly (readonly number[])[]) {
  const entryCount = lists.reduce((sum, list) => sum + list.length, 0);
  const starts = memory.take((lists.length + 1) * 4);
  const columns = memory.take(entryCount * 4);
  const startOf = memory.ints(starts, lists.length + 1);
  const columnOf = memory.ints(columns, entryCount);
  startOf[0] = 0;
  let longest = 0;
  for (const [at, list] of lists.entries()) {
    const start = startOf[at] as number;
    columnOf.set(list, start);
    startOf[at + 1] = start + list.length;
    longest = Math.max(longest, list.length);
  }
  return { starts, columns, entryCount, longest };
}
