/**
 * A client in the cluster that calls a pipeline's Services by name all the time, as a shop does: recommendations over
 * connections that it keeps, activity over a new one each time.
 */
import type { ApiServer } from "../../operator/runtime/index.ts";

const PORT = 8090;
const EVERY_MILLISECONDS = 50;
const TIMEOUT_MILLISECONDS = 5_000;
export const CALLER = "caller";

export interface Calls {
  readonly recommendations: number;
  readonly events: number;
  /** Numbers of the events that the collector has acknowledged since the pod began: `call-NUMBER` is an event's id. */
  readonly acknowledged: readonly number[];
  /** What came in place of an answer with 200. */
  readonly failures: readonly string[];
}

/** The program of its pod: begins to count anew when asked for /begin. */
const program = (pipeline: string) => `
  const http = require("node:http");
  let number = 0;
  const acknowledged = [];
  const counted = () => ({ recommendations: 0, events: 0, failures: [] });
  let calls = counted();
  const every = async (name, call) => {
    for (;;) {
      const mine = calls;
      try {
        const status = await call();
        if (status === 200) mine[name] += 1;
        else mine.failures.push(name + " " + status);
      } catch (error) {
        mine.failures.push(name + " " + (error.cause?.code ?? error.code ?? error.message));
      }
      await new Promise((resolve) => setTimeout(resolve, ${EVERY_MILLISECONDS}));
    }
  };
  every("recommendations", async () => {
    const response = await fetch("http://${pipeline}-recommender/v1/recommendations/users/caller?limit=3", {
      signal: AbortSignal.timeout(${TIMEOUT_MILLISECONDS}),
    });
    await response.arrayBuffer();
    return response.status;
  });
  every("events", () => new Promise((resolve, reject) => {
    const own = (number += 1);
    const answered = ({ statusCode }) => {
      if (statusCode === 200) acknowledged.push(own);
      resolve(statusCode);
    };
    const request = http.request("http://${pipeline}-collector/v1/track", {
      method: "POST", agent: false, timeout: ${TIMEOUT_MILLISECONDS}, headers: { "content-type": "application/json" },
    }, (response) => response.resume().once("end", () => answered(response)));
    request.once("error", reject).once("timeout", () => request.destroy(new Error("timeout")));
    request.end(JSON.stringify({ event: "view", userId: "caller", itemId: "called-" + own % 7, eventId: "call-" + own }));
  }));
  http.createServer((request, response) => {
    if (request.url.endsWith("/begin")) calls = counted();
    response.end(JSON.stringify({ ...calls, acknowledged }));
  }).listen(${PORT});
  process.once("SIGTERM", () => process.exit());
`;

export function callerPod(namespace: string, image: string, pipeline: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: CALLER, namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: CALLER,
          image,
          command: ["node", "--eval", program(pipeline)],
          readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
          resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "256Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
        },
      ],
    },
  };
}

/** Counts anew while `work` is done. */
export async function callsDuring(api: ApiServer, namespace: string, work: () => Promise<unknown>): Promise<Calls> {
  const ask = (path: string) =>
    api.request<Calls>({
      method: "GET",
      path: `/api/v1/namespaces/${namespace}/pods/${CALLER}:${PORT}/proxy/${path}`,
    });
  await ask("begin");
  await work();
  return ask("calls");
}
