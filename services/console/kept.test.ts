import { expect, test } from "vitest";
import { kept, within } from "./kept.ts";

test("one read serves everybody for a while, also while it is under way; what failed is read again", async () => {
  let [reads, clock] = [0, 0];
  const answers: PromiseWithResolvers<number>[] = [];
  const read = () => {
    reads += 1;
    const answer = Promise.withResolvers<number>();
    answers.push(answer);
    return answer.promise;
  };
  const value = kept(read, 1_000, () => clock);
  const first = [value.get(), value.get()];
  clock = 60_000;
  first.push(value.get());
  answers[0]?.resolve(1);
  expect(await Promise.all(first)).toEqual([1, 1, 1]);
  clock += 999;
  expect([await value.get(), reads]).toEqual([1, 1]);
  clock += 1;
  const failing = value.get();
  answers[1]?.reject(new Error("away"));
  await expect(failing).rejects.toThrow("away");
  const again = value.get();
  answers[2]?.resolve(2);
  expect([await again, reads]).toEqual([2, 3]);
});

test("what has changed is read again, and a read that began before is not kept", async () => {
  const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let reads = 0;
  const value = kept(
    () => answers[reads++]?.promise ?? Promise.reject(new Error("once more")),
    1_000,
    () => 0,
  );
  const old = value.get();
  value.forget();
  const fresh = value.get();
  answers[1]?.resolve("new");
  answers[0]?.resolve("old");
  expect(await Promise.all([old, fresh, value.get()])).toEqual(["old", "new", "new"]);
});

test("nobody waits longer than they said; what fails in time is told", async () => {
  const never = new Promise<string>(() => {});
  expect(await within(never, 5, "late")).toBe("late");
  expect(await within(Promise.resolve("there"), 1_000, "late")).toBe("there");
  await expect(within(Promise.reject(new Error("away")), 1_000, "late")).rejects.toThrow("away");
});
