import { describe, expect, test } from "vitest";
import type { Promotion, PromotionCause } from "../clickhouse/index.ts";
import { lineage } from "./registry.ts";

/** @param moves the oldest first */
function promotions(...moves: readonly (readonly [version: string, cause: PromotionCause])[]): Promotion[] {
  return moves
    .map(([version, cause], at) => ({ at, alias: "champion", version, replaces: moves[at - 1]?.[0] ?? null, cause }))
    .reverse();
}

describe("what answered one after the other", () => {
  test("going back leaves out what was gone back from, again and again", () => {
    const line = promotions(["a", "training"], ["b", "training"], ["c", "promote"]);
    expect(lineage(line)).toEqual(["a", "b", "c"]);
    expect(lineage([{ ...line[0]!, version: "b", cause: "rollback" }, ...line])).toEqual(["a", "b"]);
    const twice = promotions(
      ["a", "training"],
      ["b", "training"],
      ["c", "training"],
      ["b", "rollback"],
      ["a", "rollback"],
    );
    expect(lineage(twice)).toEqual(["a"]);
  });

  test("one that was chosen again by hand is gone back from to the one before", () => {
    expect(lineage(promotions(["a", "training"], ["b", "training"], ["a", "promote"]))).toEqual(["a", "b", "a"]);
    const back = promotions(["a", "training"], ["b", "training"], ["a", "promote"], ["b", "rollback"]);
    expect(lineage(back)).toEqual(["a", "b"]);
  });
});
