import fc from "fast-check";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, test } from "vitest";
import { ALGORITHMS } from "../algorithms/index.ts";
import { draw, type SearchSpace, valueAt } from "./space.ts";

const SPACE: SearchSpace = {
  alpha: { from: 0.3, to: 0.8 },
  ridge: { from: 0.001, to: 1, logarithmic: true },
  passes: { from: 4, to: 12, whole: true },
  factors: { choices: [64, 128] },
};

describe("a search space", () => {
  test("gives values within its ranges, whole ones and choices as they are", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const drawn = draw(SPACE, xoroshiro128plus(seed));
        expect(drawn.alpha).toBeGreaterThanOrEqual(0.3);
        expect(drawn.alpha).toBeLessThanOrEqual(0.8);
        expect(drawn.ridge).toBeGreaterThanOrEqual(0.001);
        expect(drawn.ridge).toBeLessThanOrEqual(1);
        expect([4, 5, 6, 7, 8, 9, 10, 11, 12]).toContain(drawn.passes);
        expect([64, 128]).toContain(drawn.factors);
      }),
    );
  });

  test("reaches its ends; half way is the middle, of magnitudes where these count", () => {
    expect(valueAt({ from: 0.3, to: 0.8 }, 0)).toBe(0.3);
    expect(valueAt({ from: 0.3, to: 0.8 }, 0.5)).toBe(0.55);
    expect(valueAt({ from: 0.001, to: 1, logarithmic: true }, 0.5)).toBe(0.0316);
    expect(valueAt({ from: 4, to: 12, whole: true }, 0)).toBe(4);
    expect(valueAt({ from: 4, to: 12, whole: true }, 0.9999)).toBe(12);
    expect(valueAt({ choices: [64, 128] }, 0.49)).toBe(64);
    expect(valueAt({ choices: [64, 128] }, 0.51)).toBe(128);
  });

  test.each([...ALGORITHMS])("of %s names its own parameters, and holds their usual values", (_, algorithm) => {
    for (const [name, range] of Object.entries(algorithm.space ?? {})) {
      const usual = algorithm.parameters[name]!;
      if ("choices" in range) expect(range.choices).toContain(usual);
      else expect(usual >= range.from && usual <= range.to, `${name} = ${usual}`).toBe(true);
    }
  });
});
