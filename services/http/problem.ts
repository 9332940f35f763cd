import type { ServerResponse } from "node:http";
import { type Answer, send } from "./answer.ts";

/** Every kind of problem that any role answers with; each is a section of docs/problems.md. */
export const PROBLEM_TYPES = {
  "invalid-request": { status: 400, title: "The request is not valid" },
  "malformed-json": { status: 400, title: "The body is not JSON" },
  unauthorized: { status: 401, title: "A key is needed" },
  forbidden: { status: 403, title: "The key does not allow this" },
  "not-found": { status: 404, title: "There is nothing at this address" },
  "method-not-allowed": { status: 405, title: "The method is not allowed at this address" },
  conflict: { status: 409, title: "The request conflicts with the present state" },
  "payload-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body is not of a supported type" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  "internal-error": { status: 500, title: "The service failed" },
  unavailable: { status: 503, title: "The service cannot answer now" },
} as const;

export type ProblemType = keyof typeof PROBLEM_TYPES;

/** One fault of a request: in a query parameter, or at a JSON Pointer into the body. */
export type ProblemError =
  | { readonly parameter: string; readonly detail: string }
  | { readonly pointer: string; readonly detail: string };

/** What went wrong, for `problem` and `problemAnswer`. */
export interface Problem {
  readonly type: ProblemType;
  /** For the person who reads it: what was found, what was expected, what to do. */
  readonly detail: string;
  readonly errors?: readonly ProblemError[];
  readonly headers?: Readonly<Record<string, string>>;
}

const TYPE_BASE = "https://productmatcher.dev/problems/";

/** A problem response as RFC 9457 describes it. */
export function problemAnswer({ type, detail, errors, headers = {} }: Problem): Answer {
  const { status, title } = PROBLEM_TYPES[type];
  return {
    status,
    headers: { ...headers, "Content-Type": "application/problem+json", "Cache-Control": "no-store" },
    body: JSON.stringify({ type: TYPE_BASE + type, title, status, detail, errors }),
  };
}

export function problem(response: ServerResponse, what: Problem): void {
  send(response, problemAnswer(what));
}
