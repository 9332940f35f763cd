import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS, parseRequest, type RawRequest } from "./request.ts";

const get = (path: string): RawRequest => ({ method: "GET", url: `/v1/recommendations/${path}` });
const post = (body: unknown): RawRequest => ({ method: "POST", url: "/v1/recommendations/session", body });

function problemOf(raw: RawRequest) {
  const parsed = parseRequest(raw);
  if (parsed.ok) throw new Error("no problem");
  return parsed.problem;
}

describe("parseRequest", () => {
  test("reads any id that was percent-encoded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }), (id) => {
        const encoded = encodeURIComponent(id);
        expect(parseRequest(get(`users/${encoded}`))).toMatchObject({ request: { subject: { user: id } } });
        expect(parseRequest(get(`items/${encoded}/similar`))).toMatchObject({ request: { subject: { item: id } } });
        expect(parseRequest(get(`popular?exclude=${encoded}`))).toMatchObject({
          request: { exclude: expect.arrayContaining([id, ...id.split(",")]) },
        });
      }),
    );
  });

  test.each(["x", "é", "日", "😀"])("an id may be as long as one that is taken in, in any script: %s", (character) => {
    const id = character.repeat(LIMITS.idLength / character.length);
    const user = encodeURIComponent(id);
    expect(parseRequest(get(`users/${user}`))).toMatchObject({ request: { subject: { user: id } } });
    expect(problemOf(get(`users/${user}x`)).detail).toContain("512 characters");
  });

  test("never throws, whatever it is sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), fc.jsonValue(), (path, method, body) => {
        parseRequest({ method, url: path });
        parseRequest({ ...get(path), body });
        parseRequest(post(body));
      }),
    );
  });

  test("parameters have defaults, and lists may be repeated or separated by commas", () => {
    expect(parseRequest(get("popular"))).toMatchObject({ request: { limit: 10, exclude: [], category: undefined } });
    expect(parseRequest(get("trending?limit=100&exclude=a,b&exclude=c&category=Wall%20lamps"))).toMatchObject({
      request: { limit: 100, exclude: ["a", "b", "c", "a,b"], category: "Wall lamps" },
    });
  });

  test.each([
    ["popular?limit=0", "limit", "1 to 100"],
    ["popular?limit=101", "limit", "1 to 100"],
    ["popular?limit=ten", "limit", '"ten"'],
    ["popular?limit=", "limit", "1 to 100"],
    ["popular?limit=5&limit=6", "limit", "once"],
    ["popular?category=", "category", "name a category"],
    ["popular?limt=5", "limt", "did you mean limit?"],
    ["popular?colour=red", "colour", "known are limit, exclude, category"],
    ["users/%zz", "id", "percent-encoded"],
    [`users/${"x".repeat(LIMITS.idLength + 1)}`, "id", "512 characters"],
    [`popular?exclude=${"a,".repeat(LIMITS.excluded)}`, "exclude", "at most 1000"],
  ])("%s is refused, with the parameter and what to do", (path, parameter, detail) => {
    const problem = problemOf(get(path));
    expect(problem.type).toBe("invalid-request");
    expect(problem.errors).toEqual([{ parameter, detail: expect.stringContaining(detail) }]);
    expect(problem.detail).toContain(detail);
  });

  test("all faults are named at once", () => {
    expect(problemOf(get("popular?limit=0&category=&x=1")).errors?.length).toBe(3);
  });

  test.each([
    [undefined, "#"],
    [[], "#"],
    [{}, "#/items"],
    [{ items: "a" }, "#/items"],
    [{ items: Array.from({ length: 201 }, String) }, "#/items"],
    [{ items: ["a", 5] }, "#/items/1"],
    [{ items: [""] }, "#/items/0"],
    [{ items: ["a"], "us/er": "b" }, "#/us~1er"],
  ])("the body %j is refused at its place", (body, pointer) => {
    expect(problemOf(post(body)).errors).toEqual([{ pointer, detail: expect.any(String) }]);
  });

  test("a misspelt field of the body is told the right one", () => {
    expect(problemOf(post({ item: ["a"], items: [] })).detail).toContain("did you mean items?");
  });

  test.each(["", "users", "users/", "users/a/b", "items/a", "items/a/similars", "sessions", "popular/x", "Popular"])(
    "there is nothing at %j",
    (path) => {
      expect(problemOf(get(path)).type).toBe("not-found");
    },
  );

  test.each([
    ["DELETE", "users/a", "GET, HEAD"],
    ["POST", "popular", "GET, HEAD"],
    ["GET", "session", "POST"],
  ])("%s %s is told the methods that are allowed", (method, path, allowed) => {
    expect(problemOf({ ...get(path), method })).toMatchObject({
      type: "method-not-allowed",
      headers: { Allow: allowed },
    });
  });
});
