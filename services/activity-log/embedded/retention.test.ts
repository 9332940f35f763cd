import { expect, it } from "vitest";
import { expiredCount } from "./retention.ts";

const segments = [100, 200, 300, 400].map((appendedAt, id) => ({ id, byteCount: 10, appendedAt }));

it.each([
  ["nothing without a limit", {}, 0],
  ["nothing at the size", { maxBytes: 40 }, 0],
  ["the oldest above the size", { maxBytes: 25 }, 2],
  ["never the last", { maxBytes: 0 }, 3],
  ["nothing at the age", { maxAgeMilliseconds: 400 }, 0],
  ["what is older", { maxAgeMilliseconds: 250 }, 2],
  ["by whichever limit takes more", { maxBytes: 35, maxAgeMilliseconds: 250 }, 2],
])("expires %s", (_name, retention, count) => {
  expect(expiredCount(segments, 40, retention, 500)).toBe(count);
});
