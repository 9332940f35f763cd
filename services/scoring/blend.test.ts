import { expect, test } from "vitest";
import { blended, candidatesOf, featureCount, featureNames } from "./blend.ts";

test("every item of a list is a candidate, with its score and rank in each list and its popularity", () => {
  const candidates = candidatesOf(
    [
      { items: [7, 3], scores: [4, 1] },
      { items: [], scores: [] },
      { items: [3, 9], scores: [0.5, 0.5] },
    ],
    (item) => item / 10,
  );
  expect(candidates.items).toEqual([7, 3, 9]);
  expect(featureCount(3)).toBe(7);
  const rows = candidates.items.map((_, at) => [...candidates.features.subarray(at * 7, at * 7 + 7)]);
  expect(rows[0]).toEqual([1, 1, 0, 0, 0, 0, 0.7]);
  expect(rows[1]).toEqual([0.25, 10 / 11, 0, 0, 1, 1, 0.3]);
  expect(rows[2]).toEqual([0, 0, 0, 0, 1, 10 / 11, 0.9]);
  expect(blended(candidates, 1, [2, 0, 0, 0, 1, 0, 10])).toBeCloseTo(0.5 + 1 + 3, 12);
  expect(featureNames(["a", "b"])).toEqual(["a.score", "a.rank", "b.score", "b.rank", "popularity"]);
});
