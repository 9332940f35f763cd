import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePath, locate } from "./path.ts";

const record = {
  user: { id: 7, "a.b": "dotted", "": "empty" },
  lines: [{ sku: "p1" }, { sku: "p2" }],
  "~/": "odd",
  length: 3,
};

describe("compilePath", () => {
  test.each([
    ["user.id", 7],
    ["length", 3],
    ["lines.1.sku", "p2"],
    ["/user/id", 7],
    ["/user/a.b", "dotted"],
    ["/user/", "empty"],
    ["/lines/0/sku", "p1"],
    ["/~0~1", "odd"],
    [".", record],
  ])("%s leads to its value", (path, value) => {
    expect(compilePath(path).get(record, record)).toEqual(value);
  });

  test.each([
    "user.name",
    "user.id.x",
    "lines.2.sku",
    "lines.length",
    "lines.01.sku",
    "lines.-1",
    "/lines/-",
    "/user/id/0",
  ])("%s leads nowhere", (path) => {
    expect(compilePath(path).get(record, record)).toBeUndefined();
  });

  test("sees a record's own keys alone", () => {
    for (const key of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
      expect(compilePath(key).get({}, {})).toBeUndefined();
      expect(compilePath(`/a/${key}`).get({ a: {} }, {})).toBeUndefined();
    }
    const own: unknown = JSON.parse('{"__proto__": "mine", "constructor": {"name": "also mine"}}');
    expect(compilePath("__proto__").get(own, own)).toBe("mine");
    expect(compilePath("constructor.name").get(own, own)).toBe("also mine");
  });

  test("a dotted path starts at the element, a pointer at the root", () => {
    expect(compilePath("sku").get(record, record.lines[1])).toBe("p2");
    expect(compilePath("/user/id").get(record, record.lines[1])).toBe(7);
  });

  test.each(["", "a..b", ".a", "a.", "/a~2b", "/a~"])("%j is refused", (path) => {
    expect(() => compilePath(path)).toThrow(SyntaxError);
  });

  test("a pointer finds what stands at its keys, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), fc.integer(), (keys, value) => {
        const root = keys.reduceRight<unknown>(
          (inner, key) => JSON.parse(`{${JSON.stringify(key)}: ${JSON.stringify(inner)}}`),
          value,
        );
        const pointer = keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
        expect(compilePath(pointer).get(root, undefined)).toBe(value);
      }),
    );
  });
});

describe("locate", () => {
  test.each([
    ["sku", "order.lines", 2, "order.lines.2.sku"],
    ["sku.code", "/order/lines", 2, "/order/lines/2/sku/code"],
    ["/buyer/id", "order.lines", 2, "/buyer/id"],
    [".", "ids", 0, "ids.0"],
    ["sku", ".", 1, "1.sku"],
  ])("%s in %s at %i is %s", (path, forEach, index, place) => {
    expect(locate(compilePath(path), compilePath(forEach), index)).toBe(place);
  });

  test("without forEach a path is its own place", () => {
    expect(locate(compilePath("a.b"), null, -1)).toBe("a.b");
  });
});
