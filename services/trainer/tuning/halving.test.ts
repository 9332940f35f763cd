import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstSettings, fits, rungShares, survivors } from "./halving.ts";

const SPACE = { alpha: { from: 0, to: 1 } };

describe("successive halving", () => {
  test("tries few settings on everything, many on a part first", () => {
    expect(rungShares(1)).toEqual([1]);
    expect(rungShares(2)).toEqual([1]);
    expect(rungShares(3)).toEqual([1 / 3, 1]);
    expect(rungShares(20)).toEqual([1 / 9, 1 / 3, 1]);
    expect(rungShares(1_000)).toEqual([1 / 9, 1 / 3, 1]);
  });

  test("lets the best third go on, the best first; of equal ones the one tried first; failed ones never", () => {
    const trials = [0.1, null, 0.5, 0.3, 0.5, 0.2, 0.4].map((score, number) => ({ score, number }));
    expect(survivors(trials).map(({ number }) => number)).toEqual([2, 4, 6]);
    expect(survivors([{ score: null }])).toEqual([]);
  });

  test("begins no trial that would end late, by the longest of the rung, or three times that of the rung before", () => {
    expect(fits(0, 100, { here: 0, before: 0 })).toBe(true);
    expect(fits(100, 100, { here: 0, before: 0 })).toBe(false);
    expect(fits(50, 100, { here: 50, before: 1 })).toBe(true);
    expect(fits(51, 100, { here: 50, before: 1 })).toBe(false);
    expect(fits(70, 100, { here: 0, before: 10 })).toBe(true);
    expect(fits(71, 100, { here: 0, before: 10 })).toBe(false);
  });
});

describe("settings", () => {
  test("are those to start from and drawn ones, all different, by the seed alone, never more than asked for", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 30 }), (seed, trials) => {
        const starts = [
          { alpha: 0.5, length: 7 },
          { alpha: 2, length: 7 },
        ] as const;
        const settings = firstSettings(starts, SPACE, trials, seed);
        expect(settings).toHaveLength(trials);
        expect(settings.slice(0, 2)).toEqual(starts.slice(0, trials));
        expect(new Set(settings.map(({ alpha }) => alpha)).size).toBe(trials);
        expect(settings.every(({ length }) => length === 7)).toBe(true);
        expect(firstSettings(starts, SPACE, trials, seed)).toEqual(settings);
      }),
    );
    expect(firstSettings([{ alpha: 1 }], SPACE, 5, 1)).not.toEqual(firstSettings([{ alpha: 1 }], SPACE, 5, 2));
  });

  test("end where the space has no more", () => {
    const space = { minimumActors: { choices: [1, 2, 3] } };
    expect(firstSettings([{ minimumActors: 1 }], space, 50, 1)).toHaveLength(3);
  });
});
