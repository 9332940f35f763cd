import type { IncomingMessage, ServerResponse } from "node:http";
import { Router } from "express";
import { type Answer, jsonBody, methodNotAllowed, send } from "../http/index.ts";
import { OPEN_API } from "./openapi.ts";
import { BASE_PATH, type RawRequest } from "./request.ts";

type Answering = (request: RawRequest) => Answer | Promise<Answer>;

const SESSION_BODY_BYTES = 256 * 1024;

/** The API on Express. */
export function recommendationRouter(answer: Answering): Router {
  const router = Router();
  const document = JSON.stringify(OPEN_API);
  router
    .route("/openapi.json")
    .get((_request, response) => void response.type("application/json").send(document))
    .all(methodNotAllowed(["GET", "HEAD"]));
  router.post(`${BASE_PATH}session`, jsonBody(SESSION_BODY_BYTES));
  router.use(async (request, response, next) => {
    const { method, originalUrl: url } = request;
    if (url.startsWith(BASE_PATH)) send(response, await answer({ method, url, body: request.body }));
    else next();
  });
  return router;
}

/** The same API without Express, for the requests that have no body. */
export function hotPath(answer: Answering): (request: IncomingMessage, response: ServerResponse) => boolean {
  return ({ method = "", url = "" }, response) => {
    if (method !== "GET" || !url.startsWith(BASE_PATH)) return false;
    const answered = answer({ method, url });
    if (answered instanceof Promise) void answered.then((late) => send(response, late));
    else send(response, answered);
    return true;
  };
}
