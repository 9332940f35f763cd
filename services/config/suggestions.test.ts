import { describe, expect, test } from "vitest";
import { nearest } from "./index.ts";

describe("nearest", () => {
  test("names the nearest known name, or none", () => {
    expect(nearest("limt", ["limit", "exclude"])).toBe("limit");
    expect(nearest("Category", ["limit", "category"])).toBe("category");
    expect(nearest("colour", ["limit", "exclude"])).toBeUndefined();
  });
});
