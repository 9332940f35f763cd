/**
 * The collector under the shop's own address: a browser loads the snippet from here and sends here, and needs to reach no
 * other address than the page's.
 */
import express, { type Response, Router } from "express";
import type { Logger } from "pino";
import { faultReason, faultsOf, isRefusal } from "./faults.ts";

const TIMEOUT_MILLISECONDS = 10_000;
const BODY_BYTES = 1_048_576;
/** Of a request that a browser sent, and of an answer. */
const HEADERS = ["content-type", "user-agent"];
const ANSWERED_HEADERS = ["content-type", "cache-control", "etag", "retry-after"];
const BATCH = "/v1/batch";
const TOLD = {
  away: "no collector answers: browsers keep what visitors do, and send it again",
  refused:
    "the collector wants an API key, and the shop has none: what visitors do is lost; name a collector that asks for none",
};

export interface Activity {
  readonly router: Router;
  /** Whether what visitors did last was refused: the collector wants an API key. */
  isRefused(): boolean;
}

/** @param collector its address, `http://host:port` */
export function activityOf(collector: string, logger: Logger): Activity {
  const base = collector.replace(/\/$/, "");
  const faults = faultsOf(logger, TOLD);
  const router = Router();
  const pass = async (path: string, options: RequestInit, response: Response) => {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
      const answer = await fetch(base + path, { ...options, signal });
      const body = Buffer.from(await answer.arrayBuffer());
      if (isRefusal(answer.status)) faults.failed(path, "refused", `it answers ${answer.status}`);
      else if (answer.status >= 500) faults.failed(path, "away", `it answers ${answer.status}`);
      else faults.answered(path);
      for (const name of ANSWERED_HEADERS) {
        const value = answer.headers.get(name);
        if (value !== null) response.set(name, value);
      }
      response.set("x-content-type-options", "nosniff").status(answer.status).end(body);
    } catch (error) {
      faults.failed(path, "away", faultReason(error));
      response.status(502).end();
    }
  };
  router.get("/v1/snippet.js", (_request, response) => pass("/v1/snippet.js", {}, response));
  router.post(BATCH, express.raw({ type: () => true, limit: BODY_BYTES }), (request, response) => {
    const headers = HEADERS.flatMap((name): [string, string][] => {
      const value = request.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    return pass(BATCH, { method: "POST", body: request.body, headers }, response);
  });
  return { router, isRefused: () => faults.at(BATCH) === "refused" };
}
