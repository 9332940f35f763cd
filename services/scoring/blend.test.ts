import { expect, test } from "vitest";
import { blended, candidatesOf, featureCount, featureNames, withNewcomers } from "./blend.ts";
import { ItemFeatures } from "./item-features.ts";

const NOBODY = { buckets: [], history: [], weights: [] };

test("every item of a list is a candidate, with its score and rank in each list and what is known of it", () => {
  const known = new ItemFeatures(
    [3, 7, 9].map((item) => ({ item, names: ["popularity"], values: [item / 16] })),
    10,
  );
  const candidates = candidatesOf(
    [
      { items: [7, 3], scores: [4, 1] },
      { items: [], scores: [] },
      { items: [3, 9], scores: [0.5, 0.5] },
    ],
    known,
    NOBODY,
  );
  expect(candidates.items).toEqual([7, 3, 9]);
  const width = featureCount(3);
  const rows = candidates.items.map((_, at) => [...candidates.features.subarray(at * width, at * width + 7)]);
  expect(rows[0]).toEqual([1, 1, 0, 0, 0, 0, 7 / 16]);
  expect(rows[1]).toEqual([0.25, 10 / 11, 0, 0, 1, 1, 3 / 16]);
  expect(rows[2]).toEqual([0, 0, 0, 0, 1, 10 / 11, 9 / 16]);
  const weights = new Float64Array(width);
  weights.set([2, 0, 0, 0, 1, 0, 16]);
  expect(blended(candidates, 1, weights)).toBeCloseTo(0.5 + 1 + 3, 12);
  const names = featureNames(["a", "b", "c"]);
  expect(names).toHaveLength(width);
  expect(names.slice(0, 7)).toEqual(["a.score", "a.rank", "b.score", "b.rank", "c.score", "c.rank", "popularity"]);
});

test("every so many places one is for a newcomer, and a list stays as long as it was", () => {
  expect(withNewcomers([1, 2, 3, 4, 5, 6], [90, 91, 92], 3)).toEqual([1, 2, 90, 3, 4, 91]);
  expect(withNewcomers([1, 2, 3, 4, 5, 6], [], 3)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(withNewcomers([1, 2, 3, 4, 5, 6], [90], 0)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a newcomer that is in the list by itself keeps its place and takes none of the others", () => {
  expect(withNewcomers([1, 90, 3, 4, 5, 6], [90, 91], 3)).toEqual([1, 90, 91, 3, 4, 5]);
});
