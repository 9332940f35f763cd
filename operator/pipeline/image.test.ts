import { expect, test } from "vitest";
import { imageFault } from "./image.ts";

test.each([
  ["registry/productmatcher:1.4.7", true],
  ["registry:5000/productmatcher:v1.3.0", true],
  ["productmatcher:1.2.9", false],
  ["productmatcher:1.5.0", false],
  ["productmatcher:2.4.0", false],
  ["productmatcher:nightly", true],
  ["productmatcher@sha256:abc", true],
  ["registry:5000/productmatcher", true],
])("an operator of 1.4.2 and %s: %s", (image, drives) => {
  expect(imageFault(image, "1.4.2") === null).toBe(drives);
});
