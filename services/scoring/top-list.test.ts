import fc from "fast-check";
import { expect, test } from "vitest";
import { TopList } from "./top-list.ts";

const entries = fc.uniqueArray(fc.tuple(fc.nat(50), fc.constantFrom(0.25, 0.5, 0.75, 1)), {
  selector: ([item]) => item,
});

test("holds what sorting all of them would begin with, ties by the given order, and is empty afterwards", () => {
  fc.assert(
    fc.property(entries, fc.integer({ min: 1, max: 10 }), fc.boolean(), (all, length, backwards) => {
      const before = (a: number, b: number) => (backwards ? a > b : a < b);
      const list = new TopList(length, before);
      for (const [item, score] of all) if (list.admits(score)) list.add(item, score);
      const expected = all
        .toSorted(([a, left], [b, right]) => right - left || (before(a, b) ? -1 : 1))
        .slice(0, length);
      expect(list.take()).toEqual({
        items: expected.map(([item]) => item),
        scores: expected.map(([, score]) => score),
      });
      expect(list.take().items).toEqual([]);
    }),
  );
});
