/**
 * One request to another service's HTTP interface, as a client.
 */
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

export interface JsonRequest {
  readonly url: URL;
  /** Default `GET`. */
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Authorities that vouch for the server, PEM. Default: those of the system. */
  readonly ca?: string | Buffer;
  readonly timeoutMilliseconds: number;
  readonly signal?: AbortSignal;
}

export interface JsonAnswer {
  readonly status: number;
  /** `undefined` for what is no JSON, as a proxy's page is. */
  readonly body: unknown;
}

export class HttpRequestError extends Error {
  override readonly name = "HttpRequestError";
  readonly code: "unreachable" | "certificate_refused" | "answer_too_large";

  constructor(code: HttpRequestError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Of OpenSSL's verification and of Node's TLS. */
const TLS_CODES = /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL/;

/** Redirects are not followed. @throws HttpRequestError; the signal's reason when it was aborted */
export async function requestJson(request: JsonRequest): Promise<JsonAnswer> {
  const { url, method = "GET", headers, body, ca, timeoutMilliseconds, signal } = request;
  const limit = AbortSignal.timeout(timeoutMilliseconds);
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const options = { method, headers: { ...headers }, signal: either, ...(ca === undefined ? {} : { ca }) };
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.protocol === "https:" ? requestHttps : requestHttp;
      send(url, options, resolve).once("error", reject).end(body);
    });
    return { status: response.statusCode ?? 0, body: parsed(await textOf(response)) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof HttpRequestError) throw error;
    const { message, code } = error as NodeJS.ErrnoException;
    const kind = TLS_CODES.test(String(code)) ? "certificate_refused" : "unreachable";
    throw new HttpRequestError(kind, limit.aborted ? "no answer in time" : message || String(code), { cause: error });
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new HttpRequestError("answer_too_large", "the answer's body is too large");
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
