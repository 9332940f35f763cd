import { expect, it } from "vitest";
import { partitionOf } from "./partitioner.ts";

it("never changes: keys that are stored keep their partition", () => {
  const keys = ["", "a", "user-1", "user-2", "пользователь", "🛒"];
  expect(keys.map((key) => partitionOf(key, 1_000))).toEqual([923, 715, 916, 105, 445, 933]);
});

it("spreads keys that differ in their high bits alone", () => {
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < 4_000; index++) {
    const partition = partitionOf(String.fromCharCode(index * 16), 4);
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  for (const count of counts) {
    expect(count).toBeGreaterThan(850);
    expect(count).toBeLessThan(1_150);
  }
});
