import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { endSpan, fail, recordedFrom, type Span, SpanKind, startSpanFrom, withActive } from "../telemetry/index.ts";

/** Asked all day by those who watch: /metrics, /status and the probes. */
const OPERATIONS = /^\/(metrics|status|healthz|readyz)(\?|$)/;

/**
 * A span around each request, from its arrival until the answer is sent, within the trace of the client that names one. The
 * route is its name, as `POST /v1/track`; the address itself may hold a shopper's id and is not in it.
 */
export function traced(listener: RequestListener): RequestListener {
  return (request, response) => {
    // First of all: where one of many is recorded, that is all there is to do for the others.
    const from = recordedFrom(request.headers);
    const { method = "", url = "" } = request;
    if (from === null || OPERATIONS.test(url)) return listener(request, response);
    const span = startSpanFrom(from, method, SERVER);
    if (!span.isRecording()) return listener(request, response);
    response.once("close", () => {
      describe(span, request, response);
      endSpan(span);
    });
    withActive(span, () => listener(request, response));
  };
}

const SERVER = { kind: SpanKind.SERVER };

/** What Express adds to a request that one of its routes answered. */
interface Routed {
  readonly route?: { readonly path?: unknown };
}

function describe(span: Span, request: IncomingMessage & Routed, response: ServerResponse): void {
  const { method = "" } = request;
  span.setAttribute("http.request.method", method);
  const path = request.route?.path;
  if (typeof path === "string") {
    span.updateName(`${method} ${path}`);
    span.setAttribute("http.route", path);
  }
  const { statusCode, writableFinished } = response;
  if (!writableFinished) return void span.setAttribute("error.type", "connection_closed");
  span.setAttribute("http.response.status_code", statusCode);
  if (statusCode >= 500) fail(span, String(statusCode));
}
