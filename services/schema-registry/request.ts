/**
 * One question to the registry over HTTP or HTTPS, with secrets read from their files each time.
 */
import { readFileSync } from "node:fs";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { SchemaRegistryError } from "./errors.ts";

export interface SchemaRegistryOptions {
  /** With the path before `/schemas`, where there is one. */
  readonly url: string;
  /** Read again at each question, so they may be rotated while the program runs. */
  readonly credentials?: { readonly username: string | { readonly file: string }; readonly passwordFile: string };
  /** Authorities that vouch for the registry, PEM. Default: those of the system. */
  readonly caFile?: string;
  /** Of one question. Default 10,000. */
  readonly timeoutMilliseconds?: number;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const TIMEOUT_MILLISECONDS = 10_000;
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const ACCEPTED = "application/vnd.schemaregistry.v1+json, application/json";

/** @throws SchemaRegistryError `unreachable`, `certificate_refused`, `invalid_answer`, `secret_unreadable` */
export async function ask(options: SchemaRegistryOptions, path: string, signal: AbortSignal): Promise<Answer> {
  const url = new URL(`${options.url.replace(/\/+$/, "")}${path}`);
  const secrets = readSecrets(options);
  const limit = AbortSignal.timeout(options.timeoutMilliseconds ?? TIMEOUT_MILLISECONDS);
  try {
    const request = url.protocol === "https:" ? requestHttps : requestHttp;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { ...secrets, headers: { accept: ACCEPTED }, signal: AbortSignal.any([signal, limit]) }, resolve)
        .once("error", reject)
        .end();
    });
    return { status: response.statusCode ?? 0, body: parsed(await textOf(response, url)) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SchemaRegistryError) throw error;
    const { message, code } = error as NodeJS.ErrnoException;
    if (/CERT|SIGNATURE|^ERR_TLS|^ERR_SSL/.test(String(code))) {
      const advice = "check schemaRegistry.caSecretKeyRef";
      throw new SchemaRegistryError("certificate_refused", `${url}: ${message}; ${advice}`, { cause: error });
    }
    const found = limit.aborted ? "no answer in time" : message;
    const advice = "check schemaRegistry.url and the network policy";
    throw new SchemaRegistryError("unreachable", `${url}: ${found}; ${advice}`, { cause: error });
  }
}

function readSecrets({ credentials, caFile }: SchemaRegistryOptions) {
  try {
    return {
      ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
      ...(credentials === undefined ? {} : { auth: `${userOf(credentials)}:${secret(credentials.passwordFile)}` }),
    };
  } catch (error) {
    const { message } = error as Error;
    const advice = "is the Secret there, with this key?";
    throw new SchemaRegistryError("secret_unreadable", `${message}: ${advice}`, { cause: error });
  }
}

function userOf({ username }: NonNullable<SchemaRegistryOptions["credentials"]>): string {
  return typeof username === "string" ? username : secret(username.file);
}

/** Without the line break that editors and `echo` leave at the end. */
function secret(file: string): string {
  return readFileSync(file, "utf8").replace(/\r?\n$/, "");
}

async function textOf(response: IncomingMessage, url: URL): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new SchemaRegistryError("invalid_answer", `${url} answers with too large a body`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** `undefined` for what is no JSON: a proxy's page, which the status explains better. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
