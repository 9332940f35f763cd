import type { RequestHandler } from "express";
import { problem } from "./problem.ts";

export interface CrossOriginOptions {
  /** `https://shop.example`; `*` is any. Asked at every request. */
  readonly allowedOrigins: () => readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
}

/** A browser asks again after this; none keeps an answer longer. */
const PREFLIGHT_SECONDS = 7_200;

/**
 * Answers preflights, and lets pages of other origins in or not (CORS). A page that is not allowed is refused, and not
 * only kept from the answer: a body of text/plain is sent without asking first.
 */
export function crossOrigin({ allowedOrigins, methods, headers }: CrossOriginOptions): RequestHandler {
  return (request, response, next) => {
    response.vary("Origin");
    const origin = request.headers.origin;
    if (origin === undefined || isSameOrigin(origin, request.headers.host)) return next();
    const allowed = allowedOrigins();
    const isNamed = allowed.includes(origin);
    if (!isNamed && !allowed.includes("*")) {
      const detail = `Pages of ${origin} may not send here: it is not among the allowed origins (allowedOrigins).`;
      return problem(response, { type: "forbidden", detail });
    }
    response.setHeader("Access-Control-Allow-Origin", origin);
    // Beacons are sent with cookies, whether or not anybody reads them; a browser reports the answer as refused otherwise.
    if (isNamed) response.setHeader("Access-Control-Allow-Credentials", "true");
    if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) {
      response.setHeader("Access-Control-Expose-Headers", "Retry-After");
      return next();
    }
    response.setHeader("Access-Control-Allow-Methods", methods.join(", "));
    response.setHeader("Access-Control-Allow-Headers", headers.join(", "));
    response.setHeader("Access-Control-Max-Age", PREFLIGHT_SECONDS);
    response.status(204).end();
  };
}

/** The scheme is not compared: a proxy before this process may have ended TLS. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
