import fc from "fast-check";
import { expect, test } from "vitest";
import { idOf, segmentOf } from "./segment.ts";

test("an id survives a gateway that decodes what is encoded, and one that resolves dots", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(".", "..", "clicks/0/7", "~x", "a%2Fb")),
      (id) => {
        const segment = segmentOf(id);
        expect(segment).toMatch(/^[\w.:@~-]+$/);
        expect([".", ".."]).not.toContain(segment);
        expect(idOf(segment)).toBe(id);
      },
    ),
  );
});

test("plain ids stay readable, and one written by hand is understood", () => {
  expect(["1140", "user-7", "anonymous:a1"].map(segmentOf)).toEqual(["1140", "user-7", "anonymous:a1"]);
  expect(idOf("clicks/0/7")).toBe("clicks/0/7");
});
