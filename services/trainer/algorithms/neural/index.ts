/**
 * A vector for each item and one for what an actor did, trained so that their product tells what comes next (towers.ts has
 * the papers). Of an actor nothing is learned but what its history says, so that one that was not in training, or has done
 * more since, is answered as any other.
 */
import { FACTOR_BLOCK, FactorMemory } from "../../../scoring/index.ts";
import { RECENT_ITEMS } from "../../matrix.ts";
import type { Algorithm, Cases, FitContext, FittedModel } from "../algorithm.ts";
import { type Case, readCases, writeRanked } from "../rank-cases.ts";
import { rankVectors, storeVectors, vectorFault } from "../vector-model/index.ts";
import { type ScreenedItems, screenItems } from "../vector-model/screen.ts";
import { PLACES, readHistories } from "./histories.ts";
import { neuralTeam } from "./job.ts";
import { type NeuralParameters, Towers } from "./towers.ts";

const DEFAULTS: NeuralParameters = {
  factors: 64,
  epochs: 40,
  rate: 0.1,
  temperature: 0.1,
  correction: 1,
  weightPower: 0.5,
  ahead: 5,
  kept: 0.5,
  negatives: 1024,
  batch: 128,
  seed: 1,
};

/** Scores of some items for four vectors. */
const SCRATCH_BYTES = 65_536;

export function neural(parameters: Partial<NeuralParameters> = {}): Algorithm {
  const configuration = { ...DEFAULTS, ...parameters };
  const factors = Math.ceil(configuration.factors / FACTOR_BLOCK) * FACTOR_BLOCK;
  const batch = Math.ceil(configuration.batch / 32) * 32;
  const chosen = { ...configuration, factors, batch };
  return {
    name: "neural",
    needsTime: false,
    parameters: chosen,
    async fit(context) {
      const { work, matrix, onProgress } = context;
      const histories = await readHistories(work, matrix);
      const ordered = await hasOrder(context);
      const memory = new FactorMemory();
      const team = neuralTeam(memory, SCRATCH_BYTES);
      try {
        const towers = new Towers(memory, team, chosen, matrix.touchedCount);
        await towers.train(histories, ordered, (done) => onProgress(done / chosen.epochs));
        return new NeuralModel(context, towers, ordered);
      } catch (cause) {
        await team.close();
        throw cause;
      }
    },
  };
}

/** Whether events happened at different times: a file without times has none. */
async function hasOrder({ work, activity }: FitContext): Promise<boolean> {
  const [row] = await work.clickhouse.query<{ ordered: number }>(
    `SELECT min(occurred_at) < max(occurred_at) AS ordered FROM ${activity}`,
  );
  return Boolean(row?.ordered);
}

class NeuralModel implements FittedModel {
  readonly #context: FitContext;
  readonly #towers: Towers;
  readonly #ordered: boolean;

  constructor(context: FitContext, towers: Towers, ordered: boolean) {
    this.#context = context;
    this.#towers = towers;
    this.#ordered = ordered;
  }

  async rank(cases: Cases, into: string, length: number): Promise<void> {
    const { memory, at, itemCount, parameters } = this.#towers;
    const room = memory.mark();
    try {
      const screened = screenItems(memory, at.items, itemCount, parameters.factors);
      for await (const page of readCases(this.#context.work, cases)) {
        await writeRanked(this.#context.work, into, await this.#rankPage(page, screened, length));
      }
    } finally {
      memory.release(room);
    }
  }

  async #rankPage(page: readonly Case[], screened: ScreenedItems, length: number) {
    const { memory, team, at, itemCount, parameters } = this.#towers;
    const { factors } = parameters;
    const room = memory.mark();
    const vectors = memory.take(page.length * factors * 4);
    for (const [number, { history, history_weights, recent }] of page.entries()) {
      const placeOf = new Map(this.#ordered ? recent.map((item, place) => [item, place]) : []);
      const places = history.map((item) => placeOf.get(item) ?? RECENT_ITEMS);
      const into = memory.floats(vectors + number * factors * 4, factors);
      this.#towers.actorVector(history, history_weights, places, into);
    }
    const of = { memory, team, factors, items: at.items, itemCount, screened };
    const lists = await rankVectors(of, page, vectors, length);
    memory.release(room);
    return lists;
  }

  /** The items' vectors, and beside them the weights of places. */
  async store(version: string): Promise<void> {
    const { work, matrix } = this.#context;
    const { memory, at, itemCount, parameters } = this.#towers;
    const { factors } = parameters;
    const vectors = memory.floats(at.items, itemCount * factors);
    await storeVectors(work, matrix, version, (item) => [...vectors.subarray(item * factors, (item + 1) * factors)]);
    const weights = [...memory.floats(at.places, PLACES)].map((weight, place) => ({
      version,
      feature: `place.${place}`,
      weight: this.#ordered ? weight : 0,
    }));
    await work.clickhouse.insert("model_weights", weights);
  }

  async fault(): Promise<string | undefined> {
    const { memory, at, itemCount, parameters } = this.#towers;
    return vectorFault(memory.floats(at.items, itemCount * parameters.factors), parameters.factors);
  }

  close(): Promise<void> {
    return this.#towers.team.close();
  }
}
