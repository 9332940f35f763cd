/**
 * One question to the registry, with secrets read from their files each time.
 */
import { readFileSync } from "node:fs";
import { readSecret, type TextOrFile } from "../config/secret-file.ts";
import { HttpRequestError, type JsonAnswer, requestJson } from "../http/request.ts";
import { SchemaRegistryError } from "./errors.ts";

export interface SchemaRegistryOptions {
  /** With the path before `/schemas`, where there is one. */
  readonly url: string;
  /** Read again at each question, so they may be rotated while the program runs. */
  readonly credentials?: { readonly username: TextOrFile; readonly passwordFile: string };
  /** Authorities that vouch for the registry, PEM. Default: those of the system. */
  readonly caFile?: string;
  /** Of one question. Default 10,000. */
  readonly timeoutMilliseconds?: number;
}

const TIMEOUT_MILLISECONDS = 10_000;
const ACCEPTED = "application/vnd.schemaregistry.v1+json, application/json";
const ADVICE = {
  unreachable: "check schemaRegistry.url and the network policy",
  certificate_refused: "check schemaRegistry.caSecretKeyRef",
  answer_too_large: "is this the registry's address?",
} as const;

/** @throws SchemaRegistryError; the signal's reason when it was aborted */
export async function ask(options: SchemaRegistryOptions, path: string, signal: AbortSignal): Promise<JsonAnswer> {
  const url = new URL(`${options.url.replace(/\/+$/, "")}${path}`);
  const { ca, authorization } = readSecrets(options);
  const timeoutMilliseconds = options.timeoutMilliseconds ?? TIMEOUT_MILLISECONDS;
  const headers = { accept: ACCEPTED, ...(authorization === undefined ? {} : { authorization }) };
  try {
    return await requestJson({ url, headers, timeoutMilliseconds, signal, ...(ca === undefined ? {} : { ca }) });
  } catch (error) {
    if (!(error instanceof HttpRequestError)) throw error;
    const code = error.code === "answer_too_large" ? "invalid_answer" : error.code;
    throw new SchemaRegistryError(code, `${url}: ${error.message}; ${ADVICE[error.code]}`, { cause: error });
  }
}

function readSecrets({ credentials, caFile }: SchemaRegistryOptions) {
  try {
    const ca = caFile === undefined ? undefined : readFileSync(caFile);
    if (credentials === undefined) return { ca, authorization: undefined };
    const pair = `${readSecret(credentials.username)}:${readSecret({ file: credentials.passwordFile })}`;
    return { ca, authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
  } catch (error) {
    const message = `${(error as Error).message}: is the Secret there, with this key?`;
    throw new SchemaRegistryError("secret_unreadable", message, { cause: error });
  }
}
