import { expect, test } from "vitest";
import { guesses } from "./guesses.ts";

test("wrong ones wait one after the other, and those beyond the limit are sent away unchecked", async () => {
  const { take } = guesses({ milliseconds: 30, waiting: 4 });
  const began = performance.now();
  let checked = 0;
  const wrong = () => {
    checked += 1;
    return null;
  };
  expect(await Promise.all([take(wrong), take(wrong), take(wrong), take(() => "key"), take(wrong)])).toEqual([
    null,
    null,
    null,
    "key",
    "busy",
  ]);
  expect(checked).toBe(3);
  // Timers may be a millisecond early.
  expect(performance.now() - began).toBeGreaterThanOrEqual(87);
  expect(await take(() => "key")).toBe("key");
});

test("a check that fails holds up nobody", async () => {
  const { take } = guesses({ milliseconds: 30, waiting: 2 });
  await expect(
    take(() => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(await take(() => "key")).toBe("key");
});
