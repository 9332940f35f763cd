import { expect, test } from "vitest";
import { pairedLift } from "./bootstrap.ts";

/** Deterministic noise in 0 to 1. */
function noise(place: number): number {
  return ((place * 7_919 + 104_729) % 10_007) / 10_007;
}

function values(count: number, of: (at: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => of(at));
}

const each = (count: number) => Array.from({ length: count }, (_, at) => at);

test("equal lists have a lift of 0 with an interval of no width", () => {
  const same = values(500, noise);
  expect(pairedLift(same, same, each(500))).toEqual({ percent: 0, low: 0, high: 0 });
});

test("a tenth better on every list is a tenth better for sure, however much lists differ", () => {
  const reference = values(500, noise);
  const lift = pairedLift(
    values(500, (at) => noise(at) * 1.1),
    reference,
    each(500),
  );
  for (const end of [lift!.percent, lift!.low, lift!.high]) expect(end).toBeCloseTo(10, 9);
});

test("the interval is the one of the normal approximation where this holds", () => {
  const count = 4_000;
  const reference = values(count, () => 0.5);
  const candidate = values(count, (at) => 0.5 + 0.4 * (noise(at) - 0.5));
  const mean = candidate.reduce((sum, value) => sum + value, 0) / count;
  const deviation = Math.sqrt(candidate.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
  const half = (100 * 1.96 * deviation) / Math.sqrt(count) / 0.5;
  const lift = pairedLift(candidate, reference, each(count));
  expect(lift!.percent - lift!.low).toBeGreaterThan(half * 0.9);
  expect(lift!.high - lift!.percent).toBeLessThan(half * 1.1);
  const narrow = pairedLift(candidate, reference, each(count), { confidencePercent: 80 });
  expect(narrow!.high - narrow!.low).toBeLessThan((lift!.high - lift!.low) * 0.75);
});

test("lists of one actor are drawn together: as many actors as lists tell more than a few", () => {
  const count = 1_000;
  const reference = values(count, () => 0.5);
  const candidate = values(count, (at) => (Math.floor(at / 100) % 2 === 0 ? 0.7 : 0.4));
  const alone = pairedLift(candidate, reference, each(count));
  const together = pairedLift(
    candidate,
    reference,
    each(count).map((at) => Math.floor(at / 100)),
  );
  expect(together!.percent).toBeCloseTo(alone!.percent, 9);
  expect(together!.high - together!.low).toBeGreaterThan(5 * (alone!.high - alone!.low));
});

test("the same seed gives the same interval; without a reference there is none", () => {
  const candidate = values(50, noise);
  const reference = values(50, (at) => noise(at + 1));
  expect(pairedLift(candidate, reference, each(50))).toEqual(pairedLift(candidate, reference, each(50)));
  expect(pairedLift(candidate, reference, each(50), { seed: 2 })).not.toEqual(
    pairedLift(candidate, reference, each(50)),
  );
  expect(
    pairedLift(
      candidate,
      values(50, () => 0),
      each(50),
    ),
  ).toBeNull();
  expect(pairedLift(new Float64Array(0), new Float64Array(0), [])).toBeNull();
});
