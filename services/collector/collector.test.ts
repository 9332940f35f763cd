import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NOW, recordsOf, sendTo, startCollector, type TestCollector } from "../../test/fixtures/collector.ts";
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

const send = (path: string, body: unknown, init = {}) => sendTo(collector, path, body, init);
const records = () => recordsOf(log);

const VIEW = { event: "view", userId: "ann", itemId: "teapot" };

describe("POST /v1/track", () => {
  test("an event is in the log, with an id, once 200 is answered", async () => {
    expect(await send("/v1/track", VIEW)).toMatchObject({ status: 200, body: { eventId: "made-1" } });
    expect(await records()).toEqual([{ key: "ann", timestamp: NOW, body: { ...VIEW, eventId: "made-1" } }]);
  });

  test("an event keeps the id that it came with, so that a repeat is seen as one", async () => {
    expect((await send("/v1/track", { ...VIEW, eventId: "mine" })).body).toEqual({ eventId: "mine" });
    expect(await records()).toMatchObject([{ body: { eventId: "mine" } }]);
  });

  test("events of one visitor share a key: the user, else the anonymous visitor, else the session", async () => {
    await send("/v1/track", { event: "view", anonymousId: "cookie", sessionId: "s", itemId: "teapot" });
    await send("/v1/track", { event: "view", sessionId: "s", itemId: "teapot" });
    expect((await records()).map(({ key }) => key).sort()).toEqual(["cookie", "s"]);
  });

  test.each([
    ["a missing item", { event: "view", userId: "ann" }, "/itemId"],
    ["no visitor", { event: "view", itemId: "teapot" }, "/userId"],
    ["a bad price", { ...VIEW, price: "cheap" }, "/price"],
    ["a time in the past century", { ...VIEW, occurredAt: "1970-01-01T00:00:00Z" }, "/occurredAt"],
    ["an id above 2^53, whose digits JSON has lost", { ...VIEW, userId: 2 ** 60 }, "/userId"],
    ["an array", [VIEW], ""],
    ["null", null, ""],
  ])("refuses %s with its place, and nothing reaches the log", async (_name, body, pointer) => {
    const answer = await send("/v1/track", body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body.errors).toMatchObject([{ pointer }]);
    expect(answer.body.errors?.[0]?.detail).toBe(answer.body.detail);
    expect(await records()).toEqual([]);
  });

  test("refuses what is no JSON, not said to be JSON, or too large, each with its own problem", async () => {
    expect(await send("/v1/track", "{")).toMatchObject({ status: 400, body: { title: "The body is not JSON" } });
    const form = await send("/v1/track", VIEW, { headers: { "content-type": "application/x-www-form-urlencoded" } });
    expect(form).toMatchObject({ status: 415, body: { detail: expect.stringContaining("application/json") } });
    const large = await send("/v1/track", { ...VIEW, url: "x".repeat(1_100_000) });
    expect(large).toMatchObject({ status: 413, body: { detail: expect.stringContaining("1048576") } });
    expect(await records()).toEqual([]);
  });

  test("refuses an event that is nested too deeply", async () => {
    const deep = `{"event":"view","userId":"ann","itemId":"cup","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect(await send("/v1/track", deep)).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("nested too deeply") },
    });
    expect(await records()).toEqual([]);
  });

  test("another method is answered with the one to use", async () => {
    const response = await fetch(`${collector.address}/v1/track`);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
  });
});

describe("POST /v1/batch", () => {
  test("takes many events in their order; a plain array, too", async () => {
    const events = Array.from({ length: 1_000 }, (_, index) => ({ ...VIEW, eventId: `e${index}` }));
    expect(await send("/v1/batch", { events })).toMatchObject({ status: 200, body: { accepted: 1_000, rejected: [] } });
    expect((await records()).map(({ body }) => body.eventId)).toEqual(events.map(({ eventId }) => eventId));
    expect((await send("/v1/batch", [VIEW])).body).toEqual({ accepted: 1, rejected: [] });
  });

  test("of a partly bad batch the good events are in the log, and the bad ones are named by their index", async () => {
    const { status, body } = await send("/v1/batch", { events: [VIEW, { event: "view" }, 7, VIEW] });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 2,
      rejected: [
        { index: 1, reason: "field_missing", path: expect.any(String), message: expect.any(String) },
        { index: 2, reason: "not_an_object" },
      ],
    });
    expect(await records()).toHaveLength(2);
    const metrics = await collector.registry.metrics();
    expect(metrics).toContain('productmatcher_collector_events_total{result="accepted"} 2');
    expect(metrics).toContain('productmatcher_collector_events_total{result="rejected"} 2');
  });

  test("a batch of which nothing is good is refused, each event with its place", async () => {
    const { status, body } = await send("/v1/batch", { events: [{ ...VIEW, itemId: "" }, "x"] });
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ pointer: "/events/0/itemId" }, { pointer: "/events/1" }]);
    expect(await records()).toEqual([]);
  });

  test.each([
    ["no events", {}],
    ["no list", { events: "all" }],
    ["an empty list", { events: [] }],
    ["too many", { events: Array.from({ length: 1_001 }, () => ({})) }],
    ["null", null],
  ])("a body with %s is told what it must be", async (_name, body) => {
    const answer = await send("/v1/batch", body);
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining('{"events": [...]}') } });
  });
});
