/**
 * The collector under the shop's own address: a browser loads the snippet from here and sends here, and needs to reach no
 * other address than the page's.
 */
import express, { type Response, Router } from "express";
import type { Logger } from "pino";

const TIMEOUT_MILLISECONDS = 10_000;
const BODY_BYTES = 1_048_576;
/** Of a request that a browser sent, and of an answer. */
const HEADERS = ["content-type", "user-agent"];
const ANSWERED_HEADERS = ["content-type", "cache-control", "etag", "retry-after"];

/** @param collector its address, `http://host:port` */
export function activityRouter(collector: string, logger: Logger): Router {
  const base = collector.replace(/\/$/, "");
  const router = Router();
  const pass = async (path: string, options: RequestInit, response: Response) => {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
      const answer = await fetch(base + path, { ...options, signal });
      const body = Buffer.from(await answer.arrayBuffer());
      for (const name of ANSWERED_HEADERS) {
        const value = answer.headers.get(name);
        if (value !== null) response.set(name, value);
      }
      response.set("x-content-type-options", "nosniff").status(answer.status).end(body);
    } catch (error) {
      logger.warn({ err: error, path }, "no collector answers: browsers keep what visitors do, and send it again");
      response.status(502).end();
    }
  };
  router.get("/v1/snippet.js", (_request, response) => pass("/v1/snippet.js", {}, response));
  router.post("/v1/batch", express.raw({ type: () => true, limit: BODY_BYTES }), (request, response) => {
    const headers = HEADERS.flatMap((name): [string, string][] => {
      const value = request.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    return pass("/v1/batch", { method: "POST", body: request.body, headers }, response);
  });
  return router;
}
