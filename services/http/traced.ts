import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { contextIn, fail, inSpanFrom, namesContext, ROOT_CONTEXT, type Span, SpanKind } from "../telemetry/index.ts";

/** Asked all day by those who watch: /metrics, /status and the probes. */
const OPERATIONS = /^\/(metrics|status|healthz|readyz)(\?|$)/;

/**
 * A span around each request, from its arrival until the answer is sent, within the trace of the client that names one. The
 * route is its name, as `POST /v1/track`; the address itself may hold a shopper's id and is not in it.
 */
export function traced(listener: RequestListener): RequestListener {
  return (request, response) => {
    const { method = "", url = "", headers } = request;
    if (OPERATIONS.test(url)) return listener(request, response);
    const from = namesContext(headers) ? contextIn(headers) : ROOT_CONTEXT;
    const options = { kind: SpanKind.SERVER, attributes: { "http.request.method": method } };
    inSpanFrom(from, method, options, (span) => {
      if (!span.isRecording()) return listener(request, response);
      const answered = Promise.withResolvers<void>();
      response.once("close", () => {
        describe(span, request, response);
        answered.resolve();
      });
      listener(request, response);
      return answered.promise;
    });
  };
}

/** What Express adds to a request that one of its routes answered. */
interface Routed {
  readonly route?: { readonly path?: unknown };
}

function describe(span: Span, request: IncomingMessage & Routed, response: ServerResponse): void {
  const path = request.route?.path;
  if (typeof path === "string") {
    span.updateName(`${request.method} ${path}`);
    span.setAttribute("http.route", path);
  }
  const { statusCode, writableFinished } = response;
  if (!writableFinished) return void span.setAttribute("error.type", "connection_closed");
  span.setAttribute("http.response.status_code", statusCode);
  if (statusCode >= 500) fail(span, String(statusCode));
}
