import { expect, test } from "vitest";
import { recentLatency } from "./latency.ts";

const MINUTE = 60_000;

test("tells the 99th percentile of the last one to two minutes, and forgets what is older", () => {
  let now = 0;
  const latency = recentLatency(() => now);
  expect(latency.p99()).toBeNull();
  for (let answer = 0; answer < 98; answer += 1) latency.record(1);
  for (let answer = 0; answer < 2; answer += 1) latency.record(50);
  expect(latency.p99()).toBeCloseTo(50, 0);

  now += MINUTE;
  for (let answer = 0; answer < 900; answer += 1) latency.record(2);
  // Two slow ones of a thousand.
  expect(latency.p99()).toBeCloseTo(2, 0);

  now += MINUTE;
  latency.record(3);
  expect(latency.p99()).toBeCloseTo(2, 0);
  now += 5 * MINUTE;
  expect(latency.p99()).toBeNull();
});
