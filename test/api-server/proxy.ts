/**
 * Stands between a client and the API server: counts, refuses, cuts. Plain HTTP to the client.
 */
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { ControlPlaneDescription } from "./control-plane.ts";

export interface ProxiedRequest {
  readonly method: string;
  readonly url: string;
  readonly isWatch: boolean;
}

export interface TestProxy {
  readonly address: string;
  readonly requests: ProxiedRequest[];
  /** Asked for each request; an HTTP status refuses it, `cut` closes its connection, `null` lets it pass. */
  refuse: (request: ProxiedRequest) => number | "cut" | null;
  /** Ends the connections of all watches under way. */
  cutWatches(): number;
  close(): Promise<void>;
}

export async function startProxy({ apiPort }: ControlPlaneDescription): Promise<TestProxy> {
  const watches = new Set<ServerResponse>();
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  const server = http.createServer((incoming, outgoing) => {
    const { method = "", url = "" } = incoming;
    const request = { method, url, isWatch: url.includes("watch=true") };
    proxy.requests.push(request);
    const refusal = proxy.refuse(request);
    if (refusal === "cut") incoming.socket.destroy();
    else if (refusal !== null) refuse(outgoing, refusal);
    else pass(incoming, outgoing, request.isWatch);
  });

  const pass = (incoming: IncomingMessage, outgoing: ServerResponse, isWatch: boolean) => {
    const { method, url, headers } = incoming;
    const onward = https.request({ host: "127.0.0.1", port: apiPort, method, path: url, headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.once("error", () => outgoing.destroy());
    });
    onward.once("error", () => outgoing.destroy());
    incoming.pipe(onward);
    outgoing.once("close", () => {
      watches.delete(outgoing);
      onward.destroy();
    });
    if (isWatch) watches.add(outgoing);
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: TestProxy = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    refuse: () => null,
    cutWatches() {
      const count = watches.size;
      for (const watch of watches) watch.destroy();
      return count;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
  return proxy;
}

function refuse(outgoing: ServerResponse, code: number): void {
  const body = { kind: "Status", apiVersion: "v1", status: "Failure", code, message: "refused by the test" };
  outgoing.writeHead(code, { "content-type": "application/json", ...(code === 429 ? { "retry-after": "1" } : {}) });
  outgoing.end(JSON.stringify(body));
}
