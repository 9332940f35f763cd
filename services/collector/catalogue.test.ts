import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ENTITIES_TOPIC,
  NOW,
  recordsOf,
  sendTo,
  startCollector,
  type TestCollector,
} from "../../test/fixtures/collector.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";

let log: EmbeddedLog;
let collector: TestCollector;

beforeEach(async () => {
  log = await temporaryLog();
  collector = await startCollector({ log });
});
afterEach(async () => {
  await collector.close();
  await log.close();
});

const send = (method: string, path: string, body?: unknown, headers = {}) =>
  sendTo(collector, path, body, { method, headers });
const records = () => recordsOf(log, ENTITIES_TOPIC);

describe("PUT /v1/items/{id}", () => {
  test("puts the whole item on the topic of entities, its attributes apart", async () => {
    const item = { name: "Teapot", price: 12.5, categories: ["tea"], stock: 3, brand: "Elm", kind: "pot" };
    expect(await send("PUT", "/v1/items/7", item)).toMatchObject({ status: 200, body: { itemId: "7" } });
    const { brand, kind, ...fields } = item;
    expect(await records()).toEqual([
      {
        key: "item:7",
        timestamp: NOW,
        body: { ...fields, kind: "item", itemId: "7", attributes: { brand, kind }, updatedAt: NOW },
      },
    ]);
  });

  test("takes ids of any characters, and the time of the shop's own", async () => {
    await send("PUT", "/v1/items/a%2Fb%20%C3%A9", { itemId: "a/b é", updatedAt: "2026-01-04T00:00:00Z" });
    expect(await records()).toMatchObject([{ key: "item:a/b é", body: { updatedAt: "2026-01-04T00:00:00Z" } }]);
  });

  test("says which fields no item of this shop has", async () => {
    const { status, body } = await send("PUT", "/v1/items/7", { name: "Cup", colour: "red", Brand: "Elm" });
    expect(status).toBe(200);
    expect(body.ignored).toEqual(["colour", "Brand"]);
  });

  test.each([
    ["a price that is none", { price: "cheap" }, "/price"],
    ["a stock of pieces and a half", { stock: 1.5 }, "/stock"],
    ["an attribute of another type", { brand: { name: "Elm" } }, "/brand"],
    ["a time that is none", { createdAt: "noon" }, "/createdAt"],
    ["another id than the address", { itemId: "8" }, "/itemId"],
    ["a list", [], ""],
  ])("refuses %s with its place, and nothing reaches the log", async (_name, item, pointer) => {
    const answer = await send("PUT", "/v1/items/7", item);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toMatchObject([{ pointer }]);
    expect(await records()).toEqual([]);
  });

  test("refuses what a page of another origin could send unasked", async () => {
    const plain = await send("PUT", "/v1/items/7", { name: "Cup" }, { "content-type": "text/plain" });
    expect(plain.status).toBe(415);
    const preflight = await send("OPTIONS", "/v1/items/7", undefined, {
      origin: "https://evil.example",
      "access-control-request-method": "PUT",
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
    expect(preflight.status).toBe(405);
  });
});

test("DELETE leaves a record that says so, not a tombstone", async () => {
  expect(await send("DELETE", "/v1/items/7")).toMatchObject({ status: 200, body: { itemId: "7" } });
  expect(await records()).toEqual([
    { key: "item:7", timestamp: NOW, body: { kind: "item", itemId: "7", deleted: true, updatedAt: NOW } },
  ]);
});

describe("POST /v1/items", () => {
  test("takes many, and names those that are wrong", async () => {
    const items = [{ itemId: "a", name: "A", colour: "red" }, { name: "B" }, { itemId: "c", price: -1 }, { itemId: 4 }];
    const { status, body } = await send("POST", "/v1/items", { items });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 2,
      rejected: [
        { index: 1, reason: "field_missing", path: "itemId" },
        { index: 2, reason: "field_type", path: "price" },
      ],
      ignored: ["colour"],
    });
    expect((await records()).map(({ key }) => key).sort()).toEqual(["item:4", "item:a"]);
  });

  test("takes a list alone", async () => {
    expect((await send("POST", "/v1/items", [{ itemId: "a" }])).body).toEqual({ accepted: 1, rejected: [] });
  });

  test("refuses a list of which nothing is right, each with its place", async () => {
    const { status, body } = await send("POST", "/v1/items", { items: [{ itemId: "a", tags: [{}] }, 7] });
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ pointer: "/items/0/tags" }, { pointer: "/items/1" }]);
  });

  test.each([
    ["no list", {}],
    ["an empty one", []],
    ["too many", Array(1_001).fill({ itemId: "a" })],
  ])("a body with %s is told what it must be", async (_name, body) => {
    const answer = await send("POST", "/v1/items", body);
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining('{"items": [...]}') } });
  });
});

describe("PUT /v1/users/{id}", () => {
  test("every field is an attribute", async () => {
    const user = { plan: "gold", kind: "person", partial: true, address: { city: "Ghent" } };
    expect(await send("PUT", "/v1/users/ann", user)).toMatchObject({ status: 200, body: { userId: "ann" } });
    expect(await records()).toEqual([
      { key: "user:ann", timestamp: NOW, body: { kind: "user", userId: "ann", attributes: user, updatedAt: NOW } },
    ]);
  });

  test("a value that is too long is named", async () => {
    const { body } = await send("PUT", "/v1/users/ann", { bio: "x".repeat(8_193) });
    expect(body.errors).toMatchObject([{ pointer: "/bio" }]);
  });
});
