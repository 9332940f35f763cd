import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, test } from "vitest";
import { FactorMemory } from "../../../scoring/index.ts";
import { type Batch, batches, batchMemory } from "./batch.ts";
import { type Lesson, PLACES } from "./histories.ts";
import { neuralTeam } from "./job.ts";
import { type NeuralParameters, Towers } from "./towers.ts";

const PARAMETERS: NeuralParameters = {
  factors: 16,
  epochs: 1,
  rate: 0.1,
  temperature: 0.3,
  correction: 0.7,
  weightPower: 1,
  ahead: 5,
  kept: 1,
  negatives: 4,
  batch: 32,
  seed: 3,
};
const ITEMS = 24;
const LIMITS = { actors: 32, candidates: 64, negatives: 4, entries: 256 };

const LESSONS: Lesson[] = [
  { items: [0, 1, 5], weights: [1, 0.5, 0.25], places: [0, 1, 20], targets: [2, 7] },
  { items: [2, 0], weights: [0.5, 1], places: [0, 1], targets: [9] },
  { items: [7], weights: [1], places: [0], targets: [3, 9, 11] },
  { items: [4, 3, 11, 6], weights: [1, 1, 0.5, 0.125], places: [0, 1, 2, 3], targets: [2] },
  { items: [8, 2], weights: [0.25, 0.5], places: [3, 20], targets: [12, 13] },
];
const BATCH: Batch = {
  lessons: LESSONS,
  candidates: [...new Set(LESSONS.flatMap(({ targets }) => targets)), 4, 20, 21],
};
const CHANCES = Float64Array.from({ length: ITEMS }, (_, item) => (1 + (item % 5)) / 60);

/** An item's vector in its two roles, which have gradients of their own. */
interface Roles {
  readonly candidates: number[];
  readonly known: number[];
}

/** The formulas of towers.ts in double precision. */
function lossOf({ candidates: items, known: inputs }: Roles, places: number[], p: NeuralParameters): number {
  const vector = (of: number[], at: number) => of.slice(at * p.factors, (at + 1) * p.factors);
  const unit = (of: number[]) => of.map((value) => value / Math.hypot(...of));
  const draws = LESSONS.reduce((sum, { targets }) => sum + targets.length, 0);
  return LESSONS.reduce((sum, lesson) => {
    const total = new Array<number>(p.factors).fill(0);
    for (const [at, item] of lesson.items.entries()) {
      const share = lesson.weights[at]! * Math.exp(places[lesson.places[at]!]!);
      for (const [k, value] of vector(inputs, item).entries()) total[k]! += share * value;
    }
    const actor = unit(total);
    const known = new Set(lesson.items);
    const logits = new Map(
      BATCH.candidates
        .filter((item) => !known.has(item))
        .map((item) => {
          const product = vector(items, item).reduce((all, value, k) => all + value * actor[k]!, 0);
          const chance = 1 - Math.exp(-CHANCES[item]! * draws - p.negatives / ITEMS);
          return [item, product / p.temperature - p.correction * Math.log(chance)];
        }),
    );
    const normaliser = Math.log([...logits.values()].reduce((all, logit) => all + Math.exp(logit), 0));
    const right = lesson.targets.reduce((all, item) => all + logits.get(item)!, 0) / lesson.targets.length;
    return sum + (Math.sqrt(lesson.targets.length) * (normaliser - right)) / LESSONS.length;
  }, 0);
}

async function withTowers<Result>(threads: number, use: (towers: Towers) => Promise<Result>): Promise<Result> {
  const memory = new FactorMemory();
  const team = neuralTeam(memory, 65_536, threads);
  const towers = new Towers(memory, team, PARAMETERS, ITEMS);
  memory.floats(towers.at.places, PLACES).set(Array.from({ length: PLACES }, (_, place) => Math.cos(place)));
  return use(towers).finally(() => team.close());
}

describe("a step of the towers", () => {
  test("goes down the gradient of the loss that the formulas say, as finite differences see it", async () => {
    await withTowers(2, async (towers) => {
      const { memory, at } = towers;
      const { factors } = PARAMETERS;
      const batch = batchMemory(memory, LIMITS, factors);
      const [candidates, known] = [0, 1].map(() => [...memory.floats(at.items, ITEMS * factors)]) as [
        number[],
        number[],
      ];
      const places = [...memory.floats(at.places, PLACES)];
      const loss = () => lossOf({ candidates, known }, places, PARAMETERS);
      expect(await towers.step(batch, BATCH, CHANCES, 0)).toBeCloseTo(loss(), 5);

      const slope = (values: number[], place: number) => {
        const value = values[place]!;
        const [above, below] = [1e-5, -1e-5].map((change) => {
          values[place] = value + change;
          return loss();
        });
        values[place] = value;
        return (above! - below!) / 2e-5;
      };
      for (const [slot, item] of BATCH.candidates.entries()) {
        const found = memory.floats(batch.candidateGradients + slot * factors * 4, factors);
        for (let k = 0; k < factors; k += 1) expect(found[k]).toBeCloseTo(slope(candidates, item * factors + k), 4);
      }
      const rows = [...new Set(LESSONS.flatMap((lesson) => lesson.items))];
      expect([...memory.ints(batch.rowItems, rows.length)]).toEqual(rows);
      for (const [row, item] of rows.entries()) {
        const found = memory.floats(batch.rowGradients + row * factors * 4, factors);
        for (let k = 0; k < factors; k += 1) expect(found[k]).toBeCloseTo(slope(known, item * factors + k), 4);
      }
      const byActor = memory.floats(batch.placeGradients, LESSONS.length * PLACES);
      for (let place = 0; place < PLACES; place += 1) {
        const found = LESSONS.reduce((sum, _, actor) => sum + byActor[actor * PLACES + place]!, 0);
        expect(found).toBeCloseTo(slope(places, place), 4);
      }
      const gradients = [...byActor, ...memory.floats(batch.rowGradients, rows.length * factors)];
      expect(Math.max(...gradients.map(Math.abs))).toBeGreaterThan(0.05);
    });
  });

  test("makes the loss smaller, and gives the same bits with one thread or three", async () => {
    const run = (threads: number) =>
      withTowers(threads, async (towers) => {
        const batch = batchMemory(towers.memory, LIMITS, PARAMETERS.factors);
        const losses: number[] = [];
        for (let step = 0; step < 12; step += 1) losses.push(await towers.step(batch, BATCH, CHANCES, 0.05));
        return { losses, items: [...towers.memory.floats(towers.at.items, ITEMS * PARAMETERS.factors)] };
      });
    const one = await run(1);
    expect(one.losses.at(-1)!).toBeLessThan(one.losses[0]! - 0.5);
    expect(await run(3)).toEqual(one);
  });
});

test("batches end at the first limit that they reach, and a last actor alone is left out", () => {
  const random = xoroshiro128plus(1);
  const lessons = Array.from({ length: 101 }, (): Lesson => {
    const items = Array.from({ length: 4 }, () => (random.next() >>> 0) % 1000);
    return { items, weights: items.map(() => 1), places: items.map(() => 0), targets: [items[0]! + 1000] };
  });
  const wide = { actors: 1e6, candidates: 1e6, negatives: 0, entries: 1e6 };
  const negative = () => 5_000;
  const sizes = (limits: Partial<typeof LIMITS>) =>
    [...batches(lessons, { ...wide, ...limits }, negative)].map((batch) => batch.lessons.length);
  expect(sizes({ actors: 50 })).toEqual([50, 50]);
  expect(sizes({ entries: 120 })).toEqual([30, 30, 30, 11]);
  const [first] = batches(lessons, { ...wide, candidates: 20, negatives: 3 }, negative);
  expect(first!.candidates).toHaveLength(21);
  expect(new Set(first!.candidates)).toEqual(new Set([...first!.lessons.flatMap(({ targets }) => targets), 5_000]));
});
