import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ENTITIES_TOPIC,
  recordsOf,
  sendTo,
  startCollector,
  type TestCollector,
} from "../../test/fixtures/collector.ts";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import type { ActivityLog } from "../activity-log/index.ts";
import type { WriteKey } from "./index.ts";

let log: EmbeddedLog;
let collector: TestCollector;

beforeEach(async () => {
  log = await temporaryLog();
});
afterEach(async () => {
  await collector.close();
  await log.close();
});

async function start(options: Partial<Parameters<typeof startCollector>[0]> = {}): Promise<void> {
  collector = await startCollector({ log, ...options });
}

const send = (path: string, body: unknown, headers: Record<string, string> = {}, method = "POST") =>
  sendTo(collector, path, body, { headers, method });
const records = () => recordsOf(log);
const metrics = () => collector.registry.metrics();

const VIEW = { event: "view", userId: "ann", itemId: "teapot" };
const basic = (user: string) => ({ authorization: `Basic ${Buffer.from(`${user}:`).toString("base64")}` });

describe("write keys", () => {
  let keys: readonly WriteKey[] | null;
  beforeEach(async () => {
    keys = [
      { name: "web", key: "web-key" },
      { name: "office", key: "office-key", scopes: ["Activity", "Catalogue"] },
    ];
    await start({ writeKeys: () => keys });
  });

  test("come as the user name of basic authentication, or in the body", async () => {
    expect((await send("/v1/track", VIEW, basic("web-key"))).status).toBe(200);
    expect((await send("/v1/track", { ...VIEW, writeKey: "web-key" })).status).toBe(200);
    expect((await send("/v1/batch", { events: [VIEW], writeKey: "web-key" })).status).toBe(200);
    const stored = await records();
    expect(stored).toHaveLength(3);
    expect(JSON.stringify(stored)).not.toContain("web-key");
    expect(await metrics()).toContain(
      'productmatcher_collector_requests_total{endpoint="track",key="web",status="200"} 2',
    );
  });

  test.each([
    ["none", {}, {}],
    ["one that nobody knows", basic("other"), {}],
    ["one that nobody knows in the body", {}, { writeKey: "other" }],
    ["the beginning of one", basic("web-ke"), {}],
    ["a wrong one in the header and a right one in the body", basic("other"), { writeKey: "web-key" }],
    ["another scheme", { authorization: "Bearer web-key" }, {}],
    ["no text", {}, { writeKey: ["web-key"] }],
  ])("%s: 401, and nothing reaches the log", async (_name, headers, body) => {
    const answer = await send("/v1/track", { ...VIEW, ...body }, headers as Record<string, string>);
    expect(answer.status).toBe(401);
    // A browser must not ask the shopper for a password.
    expect(answer.headers.get("www-authenticate")).not.toMatch(/basic/i);
    expect(await records()).toEqual([]);
    expect(await metrics()).toContain('{endpoint="track",key="",status="401"} 1');
  });

  test("change while running: the old one and the new one side by side, then the new one alone", async () => {
    const old: WriteKey = { name: "web", key: "web-key" };
    const next: WriteKey = { name: "web-2", key: "next-key" };
    keys = [old, next];
    expect((await send("/v1/track", VIEW, basic("web-key"))).status).toBe(200);
    expect((await send("/v1/track", VIEW, basic("next-key"))).status).toBe(200);
    keys = [next];
    expect((await send("/v1/track", VIEW, basic("web-key"))).status).toBe(401);
    keys = [];
    expect((await send("/v1/track", VIEW, basic("next-key"))).status).toBe(401);
  });

  test("a page's key does not change the catalogue, since everyone can read it", async () => {
    expect(await send("/v1/items/7", {}, basic("web-key"), "PUT")).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining("scope Catalogue") },
    });
    expect((await send("/v1/items/7", undefined, basic("web-key"), "DELETE")).status).toBe(403);
    expect((await send("/v1/items/7", undefined, {}, "DELETE")).status).toBe(401);
    expect(await recordsOf(log, ENTITIES_TOPIC)).toEqual([]);
    expect((await send("/v1/items/7", {}, basic("office-key"), "PUT")).status).toBe(200);
    expect((await send("/v1/users/ann", {}, basic("office-key"), "PUT")).status).toBe(200);
    expect((await send("/v1/items/7", undefined, basic("office-key"), "DELETE")).status).toBe(200);
  });
});

describe("pages of other origins", () => {
  const SHOP = "https://shop.example";
  const preflight = (origin: string) =>
    send(
      "/v1/batch",
      undefined,
      {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization",
      },
      "OPTIONS",
    );

  test("that are allowed may send, with and without asking first", async () => {
    await start({ allowedOrigins: () => [SHOP] });
    const asked = await preflight(SHOP);
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe(SHOP);
    expect(asked.headers.get("access-control-allow-methods")).toContain("POST");
    expect(asked.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
    const sent = await send("/v1/track", VIEW, { origin: SHOP, "content-type": "text/plain;charset=UTF-8" });
    expect(sent.status).toBe(200);
    expect(sent.headers.get("access-control-allow-origin")).toBe(SHOP);
    expect(sent.headers.get("vary")).toContain("Origin");
  });

  test("that are not allowed are refused, also when they do not ask", async () => {
    await start({ allowedOrigins: () => [SHOP] });
    for (const origin of ["https://evil.example", "http://shop.example", `${SHOP}.evil.example`, "null"]) {
      const asked = await preflight(origin);
      expect(asked.status).toBe(403);
      expect(asked.headers.get("access-control-allow-origin")).toBeNull();
      expect((await send("/v1/track", VIEW, { origin, "content-type": "text/plain" })).status).toBe(403);
    }
    expect(await records()).toEqual([]);
  });

  test("the collector's own origin is always right; without a list it is the only one", async () => {
    await start({ allowedOrigins: () => [] });
    expect((await send("/v1/track", VIEW, { origin: collector.address })).status).toBe(200);
    expect((await send("/v1/track", VIEW, { origin: SHOP })).status).toBe(403);
  });

  test("* is any of them; a change of the list acts at once", async () => {
    let allowed: string[] = [];
    await start({ allowedOrigins: () => allowed });
    expect((await send("/v1/track", VIEW, { origin: SHOP })).status).toBe(403);
    allowed = ["*"];
    const sent = await send("/v1/track", VIEW, { origin: SHOP });
    expect(sent.status).toBe(200);
    expect(sent.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("see why they were refused and when to come again", async () => {
    await start({ allowedOrigins: () => [SHOP] });
    const refused = await send("/v1/track", { event: "view" }, { origin: SHOP });
    expect(refused.status).toBe(400);
    expect(refused.headers.get("access-control-allow-origin")).toBe(SHOP);
    expect(refused.headers.get("access-control-expose-headers")).toContain("Retry-After");
  });
});

describe("bodies", () => {
  beforeEach(() => start({ limits: { bodyBytes: 2_000 } }));
  const gzipped = { "content-encoding": "gzip" };

  test("may be gzipped", async () => {
    const body = gzipSync(JSON.stringify({ events: [VIEW] }));
    expect((await send("/v1/batch", body, gzipped)).status).toBe(200);
    expect(await records()).toHaveLength(1);
  });

  test("count as large as they are after decompression", async () => {
    const bomb = gzipSync(JSON.stringify({ ...VIEW, url: "x".repeat(1_000_000) }));
    expect(bomb.byteLength).toBeLessThan(2_000);
    expect(await send("/v1/track", bomb, gzipped)).toMatchObject({
      status: 413,
      body: { detail: expect.stringContaining("2000") },
    });
    expect((await send("/v1/track", JSON.stringify(VIEW).padEnd(2_000))).status).toBe(200);
    expect((await send("/v1/track", JSON.stringify(VIEW).padEnd(2_001))).status).toBe(413);
    // The connection goes on.
    expect((await send("/v1/track", VIEW)).status).toBe(200);
  });

  test("that are not what they say are refused", async () => {
    const whole = gzipSync(JSON.stringify(VIEW));
    expect((await send("/v1/track", whole.subarray(0, 30), gzipped)).status).toBe(400);
    expect((await send("/v1/track", JSON.stringify(VIEW), gzipped)).status).toBe(400);
    expect((await send("/v1/track", whole, { "content-encoding": "compress" })).status).toBe(415);
    expect((await send("/v1/track", VIEW, { "content-type": "application/json; charset=latin1" })).status).toBe(415);
    expect((await send("/v1/track", Uint8Array.of(0x22, 0xff, 0x22))).body.detail).toContain("UTF-8");
    expect(await records()).toEqual([]);
  });

  test("that are cut off leave nothing behind", async () => {
    const socket = connect(collector.port, "127.0.0.1");
    const head = "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n";
    socket.write(head + JSON.stringify(VIEW));
    await vi.waitFor(async () => expect(await metrics()).not.toContain("buffered_bytes 0"));
    socket.destroy();
    await vi.waitFor(async () => expect(await metrics()).toContain("buffered_bytes 0"));
    expect(await records()).toEqual([]);
  });
});

/** A log that answers when the test lets it. */
function held(): { readonly slow: ActivityLog; readonly release: () => void } {
  const gate = Promise.withResolvers<void>();
  return {
    slow: bound({ append: (...given) => gate.promise.then(() => log.append(...given)) }),
    release: gate.resolve,
  };
}

function bound(parts: Partial<ActivityLog>): ActivityLog {
  return {
    system: log.system,
    append: (topic, outgoing) => log.append(topic, outgoing),
    subscribe: (options) => log.subscribe(options),
    close: () => log.close(),
    ...parts,
  };
}

describe("durability", () => {
  test("200 is not answered before the log has made everything durable, events and entities", async () => {
    const { slow, release } = held();
    await start({ log: slow });
    let answered = false;
    const traits = { plan: "gold" };
    const sent = send("/v1/identify", { type: "identify", userId: "ann", traits }).then((answer) => {
      answered = true;
      return answer;
    });
    // Another request goes all the way through the same server meanwhile.
    expect((await send("/v1/track", {})).status).toBe(400);
    expect(answered).toBe(false);
    expect(await records()).toEqual([]);
    release();
    expect((await sent).status).toBe(200);
    expect(await records()).toHaveLength(1);
    expect(await recordsOf(log, ENTITIES_TOPIC)).toHaveLength(1);
  });

  test("a log that refuses is answered 503 with the time to come again, and logged", async () => {
    const { logger, lines } = linesLogger();
    const closed = await temporaryLog();
    await closed.close();
    await start({ log: closed, logger });
    const answer = await send("/v1/track", VIEW);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(lines).toMatchObject([{ err: { code: "closed" }, path: "/v1/track" }]);
    expect(await metrics()).not.toContain('result="accepted"} 1');
  });

  test("a log that does not answer is waited for so long and no longer; its bytes stay counted until it does", async () => {
    const { slow, release } = held();
    await start({ log: slow, limits: { appendMilliseconds: 30 } });
    const answer = await send("/v1/track", VIEW);
    expect(answer.status).toBe(503);
    expect(await metrics()).not.toContain("buffered_bytes 0");
    release();
    await vi.waitFor(async () => expect(await metrics()).toContain("buffered_bytes 0"));
    expect(await records()).toHaveLength(1);
  });
});

describe("a full buffer", () => {
  test("is answered 429 with the time to come again, and takes in again once the log has confirmed", async () => {
    const { slow, release } = held();
    await start({ log: slow, limits: { bodyBytes: 1_000, bufferedBytes: 2_000 } });
    const large = { ...VIEW, url: "x".repeat(600) };
    const first = send("/v1/track", large);
    await vi.waitFor(async () => expect(await metrics()).toMatch(/buffered_bytes 1[0-9]{3}/));
    const refused = await send("/v1/track", large);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    release();
    expect((await first).status).toBe(200);
    expect((await send("/v1/track", large)).status).toBe(200);
    expect(await records()).toHaveLength(2);
    expect(await metrics()).toContain("buffered_bytes 0");
  });

  test("limits under which nothing could pass are refused at the start", async () => {
    await start();
    await expect(startCollector({ log, limits: { bodyBytes: 10, bufferedBytes: 10 } })).rejects.toThrow(RangeError);
    await expect(startCollector({ log, limits: { batchEntries: 0 } })).rejects.toThrow(/batchEntries/);
  });
});

test("requests that were refused leave no bytes behind", async () => {
  await start({ writeKeys: () => [{ name: "web", key: "k" }] });
  await send("/v1/track", VIEW);
  await send("/v1/track", "{", basic("k"));
  await send("/v1/track", {}, basic("k"));
  await send("/v1/batch", { batch: [{ type: "heartbeat" }] }, basic("k"));
  expect(await metrics()).toContain("buffered_bytes 0");
});

test("metrics are of bounded number, whatever is asked for", async () => {
  await start();
  await send("/v1/nothing", VIEW);
  for (const id of ["a", "b", "c"]) await send(`/v1/items/${id}`, {}, {}, "PUT");
  const lines = (await metrics()).split("\n").filter((line) => line.startsWith("productmatcher_collector_requests"));
  expect(lines).toEqual(['productmatcher_collector_requests_total{endpoint="items",key="",status="200"} 3']);
});
