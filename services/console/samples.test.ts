import { expect, test } from "vitest";
import { type Reading, type Sample, summary, withReading } from "./samples.ts";

const reading = (second: number, events: number, more: Partial<Reading> = {}): Reading => ({
  ...{ at: second * 1_000, events, answers: 0, freshnessMilliseconds: null, latencyMilliseconds: null, lag: 0 },
  ...more,
});

function samplesOf(readings: readonly Reading[], limit = 100): readonly Sample[] {
  return readings.reduce<readonly Sample[]>(
    (samples, taken, place) => withReading(samples, readings[place - 1] ?? null, taken, limit),
    [],
  );
}

test("counters become rates; the first reading says nothing yet", () => {
  expect(summary([], 30)).toBeNull();
  const samples = samplesOf([reading(10, 100), reading(12, 150), reading(14, 150)]);
  expect(samples.map(({ at, events }) => [at, events])).toEqual([
    [12, 25],
    [14, 0],
  ]);
  expect(summary(samples, 30)?.events).toBe(12.5);
});

test("a counter that went back, and a clock that did, are no activity", () => {
  expect(samplesOf([reading(10, 100), reading(12, 3)])[0]?.events).toBe(0);
  expect(samplesOf([reading(10, 100), reading(10, 103)])).toEqual([]);
});

test("the oldest go; what was measured last stands where nothing is measured now", () => {
  const readings = [reading(0, 0), reading(2, 0, { latencyMilliseconds: 7 }), reading(4, 0), reading(6, 0)];
  expect(samplesOf(readings, 2).map(({ at }) => at)).toEqual([4, 6]);
  expect(summary(samplesOf(readings), 30)?.latencyMilliseconds).toBe(7);
  expect(summary(samplesOf(readings), 2)?.latencyMilliseconds).toBeNull();
});

test("freshness is of events that came: where the flow has stopped there is none", () => {
  const fresh = { freshnessMilliseconds: 20 };
  const samples = samplesOf([reading(0, 5, fresh), reading(2, 9, fresh), reading(4, 9, fresh), reading(40, 9, fresh)]);
  expect(samples.map(({ freshnessMilliseconds }) => freshnessMilliseconds)).toEqual([20, null, null]);
  expect(summary(samples.slice(0, 2), 30)?.freshnessMilliseconds).toBe(20);
  expect(summary(samples, 30)?.freshnessMilliseconds).toBeNull();
});
