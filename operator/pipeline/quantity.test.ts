import { expect, test } from "vitest";
import { canonicalQuantity } from "./quantity.ts";

test.each([
  [2, "2"],
  ["2000m", "2"],
  ["1500m", "1500m"],
  ["0.5", "500m"],
  ["1.5", "1500m"],
  [1000, "1k"],
  ["4Gi", "4Gi"],
  ["0.5Gi", "512Mi"],
  ["1024Mi", "1Gi"],
  ["1536Mi", "1536Mi"],
  ["1.5G", "1500M"],
  ["1000M", "1G"],
  ["0", "0"],
  ["1024", "1024"],
])("%s is written %s", (amount, canonical) => {
  expect(canonicalQuantity(amount)).toBe(canonical);
});
