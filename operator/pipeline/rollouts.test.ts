import { expect, test } from "vitest";
import { rollouts } from "./rollouts.ts";

test("so many pipelines take a new image at a time, and the next when one has it", () => {
  const free: string[] = [];
  const turn = rollouts(2, (key) => free.push(key));
  const images = (keys: string[]) => keys.map((key) => turn.imageFor(key, "old", "new"));
  expect(images(["a", "b", "c", "d"])).toEqual(["new", "new", "old", "old"]);
  // Asked again, each keeps its place.
  expect(images(["a", "b", "c"])).toEqual(["new", "new", "old"]);
  turn.finished("a");
  expect(free).toEqual(["c"]);
  expect(images(["c", "d"])).toEqual(["new", "old"]);
});

test("a pipeline that has no pods yet, or the image already, waits for nobody", () => {
  const turn = rollouts(1, () => {});
  expect(turn.imageFor("a", "old", "new")).toBe("new");
  expect(turn.imageFor("b", undefined, "new")).toBe("new");
  expect(turn.imageFor("c", "new", "new")).toBe("new");
});

test("a pipeline that is deleted in the middle gives its place away", () => {
  const free: string[] = [];
  const turn = rollouts(1, (key) => free.push(key));
  turn.imageFor("a", "old", "new");
  turn.imageFor("b", "old", "new");
  turn.finished("b");
  turn.imageFor("c", "old", "new");
  turn.finished("a");
  expect(free).toEqual(["c"]);
});
