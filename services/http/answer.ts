import type { ServerResponse } from "node:http";

/** A whole HTTP response as data: what a request is answered with does not depend on what carries it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Works with Node's own response and with Express's, which extends it. */
export function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { ...answer.headers, "Content-Length": Buffer.byteLength(answer.body) });
  response.end(answer.body);
}
