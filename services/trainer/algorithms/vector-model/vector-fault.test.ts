import { expect, test } from "vitest";
import { vectorFault } from "./index.ts";

test("vectors that answer nobody, or everybody alike, are a fault", () => {
  expect(vectorFault(Float32Array.of(1, 2, Number.NaN, 4), 2)).toBe("a factor is not finite");
  expect(vectorFault(new Float32Array(4), 2)).toBe("all factors are 0");
  expect(vectorFault(Float32Array.of(1, 2, 1, 2, 1, 2), 2)).toBe("all items have one vector");
  expect(vectorFault(Float32Array.of(1, 2, 1, 3), 2)).toBeUndefined();
  expect(vectorFault(Float32Array.of(1, 2), 2)).toBeUndefined();
});
