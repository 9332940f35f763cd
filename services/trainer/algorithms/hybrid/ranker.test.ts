import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { learnWeights, type RatedList } from "./ranker.ts";

function list(rows: readonly (readonly number[])[], right: readonly number[]): RatedList {
  return { features: Float64Array.from(rows.flat()), count: rows.length, right };
}

/** The loss of the paper, once more, as it is written. */
function loss(lists: readonly RatedList[], weights: readonly number[], penalty: number): number {
  const width = weights.length;
  let sum = 0;
  for (const { features, count, right } of lists) {
    const scores = Array.from({ length: count }, (_, row) =>
      weights.reduce((total, weight, at) => total + weight * features[row * width + at]!, 0),
    );
    const total = scores.reduce((all, score) => all + Math.exp(score), 0);
    for (const row of right) sum -= Math.log(Math.exp(scores[row]!) / total) / right.length / lists.length;
  }
  return sum + (penalty * weights.reduce((all, weight) => all + weight ** 2, 0)) / 2;
}

const WIDTH = 3;
const value = fc.integer({ min: 0, max: 8 }).map((number) => number / 8);
const someLists = fc.array(
  fc
    .array(fc.tuple(value, value, value), { minLength: 2, maxLength: 8 })
    .chain((rows) =>
      fc
        .uniqueArray(fc.nat(rows.length - 1), { minLength: 1, maxLength: rows.length })
        .map((right) => list(rows, right)),
    ),
  { minLength: 1, maxLength: 12 },
);

describe("learning weights", () => {
  test("no step in any direction makes the loss smaller", () => {
    fc.assert(
      fc.property(someLists, (lists) => {
        const weights = [...learnWeights(lists, WIDTH, 0.01)];
        const found = loss(lists, weights, 0.01);
        for (let at = 0; at < WIDTH; at += 1) {
          for (const step of [-0.01, 0.01]) {
            const moved = weights.map((weight, other) => (other === at ? weight + step : weight));
            expect(loss(lists, moved, 0.01)).toBeGreaterThan(found - 1e-9);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("finds a planted signal: the second feature says what is right, the first is noise, the third the opposite", () => {
    const lists = Array.from({ length: 200 }, (_, number) => {
      const rows = Array.from({ length: 10 }, (_, row) => {
        const good = row === number % 10;
        const noise = ((number * 31 + row * 17) % 13) / 13;
        return [noise, good ? 0.9 : 0.9 * noise, good ? 0.1 : 0.5];
      });
      return list(rows, [number % 10]);
    });
    const [noise, signal, opposite] = learnWeights(lists, WIDTH, 0.001);
    expect(signal).toBeGreaterThan(3);
    expect(opposite).toBeLessThan(-3);
    expect(Math.abs(noise!)).toBeLessThan(signal! / 2);
  });

  test("without lists nothing is learned", () => {
    expect([...learnWeights([], WIDTH, 0.01)]).toEqual([0, 0, 0]);
  });
});
