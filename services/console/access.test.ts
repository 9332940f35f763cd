import { expect, test } from "vitest";
import {
  cookieName,
  cookieOf,
  isFromOwnPage,
  localPath,
  newSession,
  rightsOf,
  SESSION_MILLISECONDS,
} from "./access.ts";
import type { AdminKey, ConsoleAccess } from "./ports.ts";

const NOW = 1_000_000;
const key: AdminKey = { name: "ops", key: "a-secret" };
const access = (keys: readonly AdminKey[], isOpen = true): ConsoleAccess => ({
  ...{ keys: () => keys, isOpen: () => isOpen, howToEnable: "" },
});

test("a session lets act until it ends, its key is changed, or somebody changed it", () => {
  const session = newSession(key, NOW);
  const mayAct = (keys: readonly AdminKey[], given: string, now = NOW) => rightsOf(access(keys), given, now).mayAct;
  expect(rightsOf(access([key]), session, NOW)).toEqual({
    maySee: true,
    mayAct: true,
    signedInAs: "ops",
    hasKeys: true,
  });
  expect(mayAct([{ name: "old", key: "other" }, key], session)).toBe(true);
  expect(mayAct([key], session, NOW + SESSION_MILLISECONDS)).toBe(false);
  expect(mayAct([{ ...key, key: "changed" }], session)).toBe(false);
  const [ends = "", signature = ""] = session.split(".");
  expect(mayAct([key], `${Number(ends) + 1}.${signature}`)).toBe(false);
  for (const forged of ["", ".", `${ends}.`, `${ends}.${signature}x`, "Infinity.x"])
    expect(mayAct([key], forged)).toBe(false);
});

test("a session of a replica whose clock is ahead is taken, and ends when it says", () => {
  const session = newSession(key, NOW + 60_000);
  expect(rightsOf(access([key]), session, NOW).mayAct).toBe(true);
  expect(rightsOf(access([key]), session, NOW + 60_000 + SESSION_MILLISECONDS).mayAct).toBe(false);
});

test("two consoles of one host have cookies of their own", () => {
  const named = (host: string) => cookieName("session", { headers: { host } });
  expect(new Set(["localhost:8080", "localhost:8081", "[::1]"].map(named)).size).toBe(3);
  expect(named("recs.shop.example")).toBe(named("console.shop.example"));
});

test("an empty key opens nothing: a session of it could be made by anybody", () => {
  const empty = { name: "ops", key: "" };
  expect(rightsOf(access([empty]), newSession(empty, NOW), NOW)).toMatchObject({ mayAct: false, hasKeys: false });
});

test("a console that is not open is seen by those who are signed in", () => {
  expect(rightsOf(access([key], false), undefined, NOW)).toMatchObject({ maySee: false, mayAct: false });
  expect(rightsOf(access([key], false), newSession(key, NOW), NOW)).toMatchObject({ maySee: true, mayAct: true });
});

test("only pages of the same origin change something", () => {
  const from = (headers: Record<string, string>) => isFromOwnPage({ headers: { host: "recs.shop:8080", ...headers } });
  expect(from({ "sec-fetch-site": "same-origin" })).toBe(true);
  expect(from({ "sec-fetch-site": "same-site", origin: "http://recs.shop:8080" })).toBe(false);
  expect(from({ origin: "http://recs.shop:8080" })).toBe(true);
  expect(from({ origin: "http://evil.example" })).toBe(false);
  expect(from({ origin: "null" })).toBe(false);
  expect(from({})).toBe(false);
});

test("a sign-in leads nowhere else", () => {
  expect(["/console", "/console/models?sort=x", "/console?x"].map(localPath)).toEqual([
    "/console",
    "/console/models?sort=x",
    "/console?x",
  ]);
  for (const to of ["//evil.example", "https://evil.example", "/consoles", "/console/\\evil", undefined, 5]) {
    expect(localPath(to)).toBe("/console");
  }
});

test("one cookie among others is found by its whole name", () => {
  expect(cookieOf("xa=1; a=b=c; b=2", "a")).toBe("b=c");
  expect(cookieOf(undefined, "a")).toBeUndefined();
});
