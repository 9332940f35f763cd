/**
 * Requests to the API server: JSON in, JSON out, objects as they are (typed models drop the fields that they do not
 * know).
 */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { ClusterAccess } from "./access.ts";
import { ApiError, ConnectionError, type Status } from "./api-error.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

export interface StreamRequest extends ApiRequest {
  /** A stream that brings nothing for so long is taken for dead. */
  readonly silenceMilliseconds: number;
}

export interface ApiServer {
  /** @throws ApiError, ConnectionError */
  request<Body>(request: ApiRequest): Promise<Body>;
  /**
   * Lines of a watch, each parsed; resolves when the API server ends it in good order.
   *
   * @throws ApiError, ConnectionError
   */
  stream(request: StreamRequest, onLine: (line: unknown) => void): Promise<void>;
  close(): void;
}

export interface ApiServerOptions {
  readonly userAgent: string;
  /** Asked before each request that changes something; throws to forbid it. */
  readonly beforeWrite?: () => void;
  /** After each request; `code` is "error" without an answer. */
  readonly onAnswer?: (method: string, code: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const REQUEST_TIMEOUT_MILLISECONDS = 30_000;
const MAX_SOCKETS = 32;
/** Tokens and certificates are replaced in place, hours before they end. */
const CREDENTIALS_KEPT_MILLISECONDS = 60_000;
const TCP_PROBE_MILLISECONDS = 15_000;

interface Access {
  readonly readAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly fingerprint: string;
  readonly requests: http.Agent;
  readonly streams: http.Agent;
}

/** Nothing is connected before the first request. */
export function connectApiServer(cluster: ClusterAccess, options: ApiServerOptions): ApiServer {
  const base = cluster.server;
  const client = base.protocol === "https:" ? https : http;
  let access: Access | null = null;

  /** The agents stay as long as the certificates do: a new agent is a new handshake. */
  const currentAccess = async (): Promise<Access> => {
    const now = options.now();
    if (access !== null && now - access.readAt < CREDENTIALS_KEPT_MILLISECONDS) return access;
    const { headers, tls } = await cluster.credentials();
    const fingerprint = JSON.stringify(tls);
    const kept = access?.fingerprint === fingerprint ? access : null;
    if (kept === null) access?.requests.destroy();
    const probe = { keepAlive: true, keepAliveMsecs: TCP_PROBE_MILLISECONDS };
    access = {
      readAt: now,
      headers,
      fingerprint,
      requests: kept?.requests ?? new client.Agent({ ...tls, ...probe, maxSockets: MAX_SOCKETS }),
      streams: kept?.streams ?? new client.Agent({ ...tls, ...probe, maxFreeSockets: 0 }),
    };
    return access;
  };

  const send = async (request: ApiRequest, kind: "requests" | "streams", timeout: number): Promise<IncomingMessage> => {
    const name = `${request.method} ${request.path}`;
    request.signal?.throwIfAborted();
    const { headers, [kind]: agent } = await currentAccess();
    if (request.method !== "GET") options.beforeWrite?.();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = client.request(
        {
          host: base.hostname.replace(/^\[|\]$/g, ""),
          port: base.port || (base.protocol === "https:" ? 443 : 80),
          path: base.pathname.replace(/\/$/, "") + request.path + queryText(request.query),
          method: request.method,
          agent,
          timeout,
          headers: {
            ...headers,
            "User-Agent": options.userAgent,
            Accept: request.accept ?? "application/json",
            ...(body === undefined
              ? {}
              : {
                  "Content-Type": request.contentType ?? "application/json",
                  "Content-Length": Buffer.byteLength(body),
                }),
          },
          ...(request.signal === undefined ? {} : { signal: request.signal }),
        },
        resolve,
      );
      sent.once("timeout", () => sent.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      sent.once("error", (error) => {
        options.onAnswer?.(request.method, "error");
        reject(new ConnectionError(name, error));
      });
      sent.end(body);
    });
    const code = answer.statusCode ?? 0;
    options.onAnswer?.(request.method, String(code));
    if (code === 401) access = null;
    if (code >= 200 && code < 300) return answer;
    throw apiError(name, code, answer, await text(answer, name));
  };

  return {
    async request<Body>(request: ApiRequest): Promise<Body> {
      const answer = await send(request, "requests", REQUEST_TIMEOUT_MILLISECONDS);
      const body = await text(answer, `${request.method} ${request.path}`);
      return JSON.parse(body) as Body;
    },
    async stream(request, onLine) {
      const answer = await send(request, "streams", request.silenceMilliseconds);
      await lines(answer, `${request.method} ${request.path}`, onLine);
    },
    close() {
      access?.requests.destroy();
      access?.streams.destroy();
    },
  };
}

function queryText(query: ApiRequest["query"] = {}): string {
  const set = Object.entries(query).filter(([, value]) => value !== undefined);
  if (set.length === 0) return "";
  return `?${new URLSearchParams(set.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

async function text(answer: IncomingMessage, request: string): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    throw new ConnectionError(request, error as Error);
  }
}

function apiError(request: string, code: number, answer: IncomingMessage, body: string): ApiError {
  const seconds = Number(answer.headers["retry-after"]);
  const wait = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  return new ApiError(request, code, statusOf(body), wait);
}

/** What stands between us and the API server (a load balancer) may answer other things than a Status. */
function statusOf(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) return parsed;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { message: body.slice(0, 200) };
}

/** @throws ConnectionError when the connection is cut, also within a line */
async function lines(answer: IncomingMessage, request: string, onLine: (line: unknown) => void): Promise<void> {
  let rest: Buffer[] = [];
  const take = (line: Buffer) => {
    if (line.length > 0) onLine(JSON.parse(line.toString("utf8")));
  };
  const chunks = answer[Symbol.asyncIterator]();
  for (;;) {
    // Only the connection's own failures: what onLine throws is the caller's.
    const { value, done } = await chunks.next().catch((error: Error) => {
      throw new ConnectionError(request, error);
    });
    if (done === true) break;
    let chunk = value as Buffer;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10)) {
      take(Buffer.concat([...rest, chunk.subarray(0, end)]));
      rest = [];
      chunk = chunk.subarray(end + 1);
    }
    if (chunk.length > 0) rest.push(chunk);
  }
  if (rest.length > 0) throw new ConnectionError(request, new Error("cut within a line"));
}
