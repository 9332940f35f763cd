/**
 * Two towers that share a vector for each item, v: one makes a vector of what an actor did, the other has that of an item,
 * and their product says how well they go together.
 *
 *     actor  u = sum over its items j of  weight(j)^weightPower x exp(place(j)) x v(j), scaled to length 1
 *     loss   = mean over actors of  sqrt(targets) x mean over its targets t of
 *              -log( exp(s(t)) / sum over candidates i of exp(s(i)) )
 *     s(i)   = u v(i) / temperature - correction x log(chance that i is a candidate)
 *
 * Candidates are the targets of all actors of a batch and some items by chance: sampled softmax with in-batch negatives
 * and the correction of Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations"
 * (RecSys 2019), formula 3, with the mixed negatives of Yang et al., "Mixed negative sampling for learning two-tower
 * neural networks in recommendations" (WWW 2020). The actor's tower is that of Covington et al., "Deep neural networks for
 * YouTube recommendations" (RecSys 2016), with a learned weight for each place instead of hidden layers. The steps are
 * AdaGrad's (Duchi et al., JMLR 2011), with one sum of squares an item.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { type FactorMemory, historyVector, type TowerParameters } from "../../../scoring/index.ts";
import type { Team } from "../vector-model/team.ts";
import { type Batch, type BatchLimits, batches, batchMemory, writeBatch } from "./batch.ts";
import { below, type Histories, type Lesson, lessonOf, PLACES, shuffle } from "./histories.ts";
import type { BatchMemory, NeuralJob, TowerMemory } from "./job.ts";

export interface NeuralParameters extends TowerParameters {
  /** Passes over the actors. */
  readonly epochs: number;
  readonly rate: number;
  readonly temperature: number;
  /** 0: popular items, which are in many batches, are held down by that. 1: they are not. */
  readonly correction: number;
  /** Where the order is known: how many of the next items are to be guessed. */
  readonly ahead: number;
  /** Where the order is known: share of a history that a lesson shows. */
  readonly kept: number;
  /** Items that are drawn by chance for a batch. */
  readonly negatives: number;
  /** Actors of a batch. */
  readonly batch: number;
  readonly seed: number;
}

/** Distinct items that are right for someone, and known entries, of a batch. */
const MOST_CANDIDATES = 2048;
const MOST_ENTRIES = 32_768;
const ACTORS_PER_TASK = 16;
const ITEMS_PER_TASK = 32;

export class Towers {
  readonly memory: FactorMemory;
  readonly team: Team<NeuralJob>;
  readonly parameters: NeuralParameters;
  readonly itemCount: number;
  readonly at: TowerMemory;

  /** Random vectors. @throws FactorMemoryError */
  constructor(memory: FactorMemory, team: Team<NeuralJob>, parameters: NeuralParameters, itemCount: number) {
    const { factors, seed } = parameters;
    this.memory = memory;
    this.team = team;
    this.parameters = parameters;
    this.itemCount = itemCount;
    this.at = {
      items: memory.take(itemCount * factors * 4),
      squares: memory.take(itemCount * 4),
      places: memory.take(PLACES * 4),
    };
    const random = xoroshiro128plus(seed);
    const values = memory.floats(this.at.items, itemCount * factors);
    for (let at = 0; at < values.length; at += 1) values[at] = random.next() / 2 ** 31 / Math.sqrt(factors);
  }

  /** @param ordered as `lessonOf` says @param onEpoch is told the mean loss */
  async train(histories: Histories, ordered: boolean, onEpoch: (done: number, loss: number) => void): Promise<void> {
    const { memory, itemCount } = this;
    const { factors, epochs, rate, batch: actors, negatives, ahead, kept, weightPower, seed } = this.parameters;
    const limits: BatchLimits = { actors, candidates: MOST_CANDIDATES, negatives, entries: MOST_ENTRIES };
    const room = memory.mark();
    const at = batchMemory(memory, limits, factors);
    const chances = chancesOf(histories, itemCount);
    const random = xoroshiro128plus(seed + 1);
    const order = Int32Array.from({ length: histories.starts.length - 1 }, (_, actor) => actor);
    for (let epoch = 0; epoch < epochs; epoch += 1) {
      shuffle(order, random);
      const lessons = function* (): Generator<Lesson> {
        for (const actor of order) {
          const lesson = lessonOf(histories, actor, ordered, ahead, kept, random);
          if (lesson === undefined) continue;
          yield { ...lesson, weights: lesson.weights.map((weight) => weight ** weightPower) };
        }
      };
      let loss = 0;
      let count = 0;
      for (const batch of batches(lessons(), limits, () => below(random, itemCount))) {
        loss += await this.step(at, batch, chances, rate * (1 - epoch / epochs));
        count += 1;
      }
      onEpoch(epoch + 1, loss / Math.max(1, count));
    }
    memory.release(room);
  }

  /**
   * One step down the gradient of a batch's loss.
   *
   * @param chances of an item to be the next target
   * @returns the loss before the step
   */
  async step(at: BatchMemory, batch: Batch, chances: Float64Array, rate: number): Promise<number> {
    const { memory, team, itemCount } = this;
    const { factors, temperature, correction, negatives } = this.parameters;
    const targets = batch.lessons.reduce((sum, lesson) => sum + lesson.targets.length, 0);
    const rowCount = writeBatch(memory, at, batch, (item) => {
      return correction * Math.log(-Math.expm1(-(chances[item] as number) * targets - negatives / itemCount));
    });
    this.#gatherCandidates(at, batch.candidates);
    const actorCount = batch.lessons.length;
    const candidateCount = batch.candidates.length;
    const common = { factors, batch: at, towers: this.at, actorCount, candidateCount };
    await team.run({ ...common, kind: "forward", rows: actorCount, rowsPerTask: ACTORS_PER_TASK, temperature });
    await team.run({ ...common, kind: "candidates", rows: candidateCount, rowsPerTask: ITEMS_PER_TASK, rate });
    await team.run({ ...common, kind: "inputs", rows: rowCount, rowsPerTask: ITEMS_PER_TASK, rate });
    this.#learnPlaces(at, actorCount, rate);
    return memory.floats(at.losses, actorCount).reduce((sum, loss) => sum + loss, 0);
  }

  #gatherCandidates(at: BatchMemory, candidates: readonly number[]): void {
    const { memory, itemCount } = this;
    const { factors } = this.parameters;
    const items = memory.floats(this.at.items, itemCount * factors);
    const vectors = memory.floats(at.candidates, candidates.length * factors);
    for (const [slot, item] of candidates.entries()) {
      vectors.set(items.subarray(item * factors, (item + 1) * factors), slot * factors);
    }
  }

  #learnPlaces(at: BatchMemory, actorCount: number, rate: number): void {
    const gradients = this.memory.floats(at.placeGradients, actorCount * PLACES);
    const places = this.memory.floats(this.at.places, PLACES);
    for (let place = 0; place < PLACES; place += 1) {
      let sum = 0;
      for (let actor = 0; actor < actorCount; actor += 1) sum += gradients[actor * PLACES + place] as number;
      places[place] = (places[place] as number) - rate * sum;
    }
  }

  /** The vector of an actor: `historyVector`. @param places as in a lesson */
  actorVector(
    rows: readonly number[],
    weights: readonly number[],
    places: readonly number[],
    into: Float32Array,
  ): void {
    const placeWeights = this.memory.floats(this.at.places, PLACES);
    const vectors = this.memory.floats(this.at.items, this.itemCount * this.parameters.factors);
    historyVector(vectors, placeWeights, this.parameters, { rows, weights, places }, into);
  }
}

/** Share of all entries that are of an item. */
export function chancesOf({ items }: Histories, itemCount: number): Float64Array {
  const chances = new Float64Array(itemCount);
  for (const item of items) chances[item] = (chances[item] as number) + 1 / items.length;
  return chances;
}
