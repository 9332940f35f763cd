import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import type { Logger } from "pino";
import { type Problem, problem } from "./problem.ts";
import { Refusal } from "./refusal.ts";

/**
 * Parses a JSON body into `request.body`; answers 413, 415 or 400 by itself.
 *
 * @param limitBytes of the body as received after decompression
 */
export function jsonBody(limitBytes: number): RequestHandler[] {
  const requireJson: RequestHandler = (request, response, next) => {
    if (request.is("application/json") === "application/json") return next();
    problem(response, {
      type: "unsupported-media-type",
      detail: `The body must be JSON: send it with "Content-Type: application/json" (found ${request.get("content-type") ?? "none"}).`,
      headers: { Accept: "application/json" },
    });
  };
  return [requireJson, express.json({ limit: limitBytes, strict: false })];
}

/** The last handler of a route: answers 405 with the methods that the address has. */
export function methodNotAllowed(allowed: readonly string[]): RequestHandler {
  return (request, response) =>
    problem(response, {
      type: "method-not-allowed",
      detail: `${request.method} is not allowed here: use ${allowed.join(" or ")}.`,
      headers: { Allow: allowed.join(", ") },
    });
}

/** The last handler of an application. */
export const notFound: RequestHandler = (request, response) =>
  problem(response, {
    type: "not-found",
    detail: `There is nothing at ${request.method} ${request.path}; GET /openapi.json lists the addresses of recommendations.`,
  });

/** The last error handler of an application: what a client did is told, what the service did is logged. */
export function problemHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof Refusal) {
      const { method, path } = request;
      if (error.cause !== undefined) logger.error({ err: error.cause, method, path }, "request refused");
      return problem(response, error.problem);
    }
    const known = clientProblem(error);
    if (known === undefined) logger.error({ err: error, method: request.method, path: request.path }, "request failed");
    problem(
      response,
      known ?? { type: "internal-error", detail: "The service failed on this request; its log says why." },
    );
  };
}

/** What body-parser and Express report about a request: errors with `status`, and mostly a `type`. */
interface HttpError {
  readonly status: number;
  readonly type?: string;
  readonly message: string;
  readonly limit?: number;
}

function clientProblem(error: unknown): Problem | undefined {
  if (!isHttpError(error)) return undefined;
  if (error.status === 413) {
    return { type: "payload-too-large", detail: `The body may have at most ${error.limit} bytes: send it in parts.` };
  }
  if (error.status === 415) return { type: "unsupported-media-type", detail: `${error.message}: use UTF-8 JSON.` };
  if (error.type === "entity.parse.failed") return { type: "malformed-json", detail: error.message };
  return { type: "invalid-request", detail: error.message };
}

function isHttpError(error: unknown): error is HttpError {
  if (!(error instanceof Error) || !("status" in error)) return false;
  const { status } = error;
  return typeof status === "number" && status >= 400 && status < 500;
}
