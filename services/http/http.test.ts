import { Agent, get } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import {
  jsonBody,
  methodNotAllowed,
  notFound,
  operations,
  problemHandler,
  type Readiness,
  type RunningServer,
  send,
  startServer,
} from "./index.ts";

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function serve(application: express.Express, options = {}): Promise<RunningServer> {
  const server = await startServer(application, { host: "127.0.0.1", port: 0, ...options });
  running.push(server);
  return server;
}

function echo(): { application: express.Express; logged: string[] } {
  const logged: string[] = [];
  const logger = pino({}, { write: (line: string) => void logged.push(line) });
  const application = express();
  application
    .route("/echo")
    .post(jsonBody(100), (request: express.Request, response: express.Response) => void response.json(request.body))
    .all(methodNotAllowed(["POST"]));
  application.get("/broken", () => {
    throw new Error("secret of the service");
  });
  application.use(notFound, problemHandler(logger));
  return { application, logged };
}

const JSON_TYPE = { "content-type": "application/json" };

describe("problem responses (RFC 9457)", () => {
  test.each([
    ["malformed JSON", { method: "POST", body: "{", headers: JSON_TYPE }, 400, "malformed-json"],
    [
      "too large",
      { method: "POST", body: JSON.stringify("x".repeat(200)), headers: JSON_TYPE },
      413,
      "payload-too-large",
    ],
    [
      "another type",
      { method: "POST", body: "a=b", headers: { "content-type": "text/plain" } },
      415,
      "unsupported-media-type",
    ],
    ["no type", { method: "POST" }, 415, "unsupported-media-type"],
    [
      "another charset",
      { method: "POST", body: "{}", headers: { "content-type": "application/json; charset=klingon" } },
      415,
      "unsupported-media-type",
    ],
    ["another method", { method: "DELETE" }, 405, "method-not-allowed"],
  ])("%s", async (_name, init, status, type) => {
    const server = await serve(echo().application);
    const response = await fetch(`${server.address}/echo`, init as RequestInit);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toMatchObject({ type: `https://productmatcher.dev/problems/${type}`, status });
    expect(body.title).toEqual(expect.any(String));
    expect(body.detail).toEqual(expect.any(String));
  });

  test("an address that does not exist, and the methods of one that does", async () => {
    const server = await serve(echo().application);
    expect((await fetch(`${server.address}/nowhere`)).status).toBe(404);
    const response = await fetch(`${server.address}/echo`);
    expect(response.headers.get("allow")).toBe("POST");
  });

  test("a fault of the service is logged and not told", async () => {
    const { application, logged } = echo();
    const server = await serve(application);
    const response = await fetch(`${server.address}/broken`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(logged.join()).toContain("secret of the service");
  });

  test("a body that is right gets through", async () => {
    const server = await serve(echo().application);
    const response = await fetch(`${server.address}/echo`, { method: "POST", body: '{"a":1}', headers: JSON_TYPE });
    expect(await response.json()).toEqual({ a: 1 });
  });
});

describe("startServer", () => {
  test("a port in use is named, with what to do", async () => {
    const server = await serve(echo().application);
    await expect(startServer(express(), { host: "127.0.0.1", port: server.port })).rejects.toMatchObject({
      code: "port_in_use",
      message: expect.stringMatching(new RegExp(`port ${server.port} .*--port`)),
    });
  });

  test("an address of another machine is refused plainly", async () => {
    await expect(startServer(express(), { host: "192.0.2.1", port: 0 })).rejects.toMatchObject({
      code: "address_unknown",
    });
  });

  test("the hot path answers before the application, which has the rest", async () => {
    const server = await serve(echo().application, {
      hotPath: (request: { url: string }, response: never) => {
        if (request.url !== "/hot") return false;
        send(response, { status: 200, headers: {}, body: "hot" });
        return true;
      },
    });
    expect(await (await fetch(`${server.address}/hot`)).text()).toBe("hot");
    expect((await fetch(`${server.address}/cold`)).status).toBe(404);
  });

  test("close answers what is under way, then ends, idle connections or not", async () => {
    const arrived = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const application = express();
    application.get("/slow", async (_request, response) => {
      arrived.resolve();
      await release.promise;
      response.send("done");
    });
    const server = await startServer(application, { host: "127.0.0.1", port: 0 });
    const idle = connect(server.port, "127.0.0.1");
    const answer = fetch(`${server.address}/slow`).then((response) => response.text());
    await arrived.promise;
    const closed = server.close();
    release.resolve();
    expect(await answer).toBe("done");
    await closed;
    idle.destroy();
    await expect(fetch(`${server.address}/slow`)).rejects.toThrow();
  });

  test("close answers once more on a connection that a client keeps, and ends it so that no request is lost", async () => {
    const server = await startServer(
      express().get("/", (_request, response) => void response.send("here")),
      {
        ...{ host: "127.0.0.1", port: 0, lastAnswerMilliseconds: 60_000 },
      },
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () =>
      new Promise<{ reused: boolean; connection: string | undefined }>((resolve, reject) => {
        const request = get(server.address, { agent }, (response) => {
          response.resume().once("end", () => {
            resolve({ reused: request.reusedSocket, connection: response.headers.connection });
          });
        });
        request.once("error", reject);
      });
    expect(await ask()).toEqual({ reused: false, connection: "keep-alive" });
    const closed = server.close();
    // A client that has nothing to ask for a while.
    await sleep(200);
    expect(await ask()).toEqual({ reused: true, connection: "close" });
    await closed;
    await expect(ask()).rejects.toThrow(/ECONNREFUSED/);
    agent.destroy();
  });

  test("a request that never ends is cut off after the grace time", async () => {
    const application = express();
    const arrived = Promise.withResolvers<void>();
    application.get("/endless", () => arrived.resolve());
    const server = await startServer(application, { host: "127.0.0.1", port: 0, graceMilliseconds: 20 });
    const answer = fetch(`${server.address}/endless`).then(
      () => "answered",
      () => "cut off",
    );
    await arrived.promise;
    await server.close();
    expect(await answer).toBe("cut off");
  });
});

describe("operations", () => {
  test("liveness, readiness, status and metrics", async () => {
    let readiness: Readiness = { ready: false, waitingFor: ["the first model"] };
    const registry = new Registry();
    const application = express();
    application.use(operations({ registry, readiness: () => readiness, status: () => ({ role: "test" }) }));
    const server = await serve(application);
    const get = (path: string) => fetch(server.address + path);
    expect((await get("/healthz")).status).toBe(200);
    const waiting = await get("/readyz");
    expect(waiting.status).toBe(503);
    expect(await waiting.text()).toContain("the first model");
    readiness = { ready: true };
    expect((await get("/readyz")).status).toBe(200);
    expect(await (await get("/status")).json()).toEqual({ role: "test" });
    expect((await get("/metrics")).headers.get("content-type")).toContain("text/plain");
    expect((await fetch(`${server.address}/status`, { method: "POST" })).status).toBe(405);
  });
});
