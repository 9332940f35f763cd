import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Lease } from "./bytes-in-flight.ts";
import { Refusal } from "./refusal.ts";

export interface JsonBodyLimits {
  /** Of the body after decompression. */
  readonly bytes: number;
  /** Media types that may hold JSON, `application/json`; the first is named to who sends another. */
  readonly types: readonly string[];
}

/** How soon a sender whom memory has no room for may try again. */
const RETRY_AFTER_SECONDS = 1;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a JSON body, gzipped or not, in UTF-8. Every byte counts in `lease` from the moment that it is in memory.
 *
 * @throws Refusal 400 for what is no JSON, 413, 415; 429 when `lease` has no room
 */
export async function readJson(request: IncomingMessage, limits: JsonBodyLimits, lease: Lease): Promise<unknown> {
  checkType(request.headers["content-type"], limits.types);
  const bytes = await readBytes(request, limits.bytes, lease);
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    const detail = error instanceof SyntaxError ? error.message : "The body is not UTF-8.";
    throw new Refusal({ type: "malformed-json", detail });
  }
}

function checkType(header: string | undefined, types: readonly string[]): void {
  const [type = "", ...parameters] = (header ?? "").toLowerCase().split(";");
  const [expected = ""] = types;
  if (!types.includes(type.trim())) {
    throw new Refusal({
      type: "unsupported-media-type",
      detail: `The body must be JSON: send it with "Content-Type: ${expected}" (found ${header ?? "none"}).`,
      headers: { Accept: types.join(", ") },
    });
  }
  const charset = parameters.map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)/.exec(parameter)?.[1]).find(Boolean);
  if (charset !== undefined && charset !== "utf-8" && charset !== "utf8") {
    const detail = `unsupported charset "${charset.toUpperCase()}": use UTF-8 JSON.`;
    throw new Refusal({ type: "unsupported-media-type", detail });
  }
}

function readBytes(request: IncomingMessage, limit: number, lease: Lease): Promise<Uint8Array> {
  const compressed = isGzip(request.headers["content-encoding"]);
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limit) throw tooLarge(limit);
  return new Promise((resolve, reject) => {
    const source: Readable = compressed ? request.pipe(createGunzip()) : request;
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size > limit) stop(tooLarge(limit));
      else if (!lease.take(chunk.byteLength)) stop(full());
      else chunks.push(chunk);
    };
    const finish = () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    const stop = (refusal: Refusal) => {
      source.off("data", take).off("end", finish);
      if (source !== request) {
        request.unpipe();
        source.destroy();
      }
      // What is still to come is read and dropped, so that the sender gets to see the answer.
      request.resume();
      reject(refusal);
    };
    source.on("data", take).on("end", finish);
    source.on("error", (error) => stop(invalid(`The body cannot be read: ${error.message}.`)));
    request.on("close", () => {
      if (!request.complete) stop(invalid("The request was cut off."));
    });
  });
}

function isGzip(encoding: string | undefined): boolean {
  if (encoding === undefined || encoding.toLowerCase() === "identity") return false;
  if (encoding.toLowerCase() === "gzip") return true;
  const detail = `unsupported content encoding "${encoding}": send the body as it is, or gzipped.`;
  throw new Refusal({ type: "unsupported-media-type", detail, headers: { "Accept-Encoding": "gzip" } });
}

function tooLarge(limit: number): Refusal {
  return new Refusal({
    type: "payload-too-large",
    detail: `The body may have at most ${limit} bytes: send it in parts.`,
  });
}

/** Memory has no room for more: the sender keeps it and comes again. */
export function full(): Refusal {
  return new Refusal({
    type: "too-many-requests",
    detail: "More is coming in than can be stored right now: send it again later.",
    headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
  });
}

function invalid(detail: string): Refusal {
  return new Refusal({ type: "invalid-request", detail });
}
