/**
 * What a kubelet does to pods, as far as the API shows it: writes their status. No pod runs. What roles would say at
 * `/status` is answered from an address of the test's own.
 */
import { randomInt } from "node:crypto";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { POD } from "../../operator/pipeline/kinds.ts";
import { type ApiServer, type KubeObject, pathOf } from "../../operator/runtime/index.ts";

/** What becomes of a pod; `null`: it stays Pending. */
export type Behaviour =
  | { readonly is: "ready"; readonly report?: object }
  | { readonly is: "ended"; readonly code: number; readonly words?: object | string; readonly reason?: string }
  | { readonly is: "crashing"; readonly words?: object | string; readonly reason?: string }
  | { readonly is: "waiting"; readonly reason: string; readonly message?: string }
  | { readonly is: "unschedulable"; readonly message: string }
  | null;

export interface TestKubelet {
  /** By role; asked again and again. */
  behave: (role: string, pod: KubeObject) => Behaviour;
  stop(): Promise<void>;
}

const LOOK_MILLISECONDS = 150;

export async function startKubelet(
  api: ApiServer,
  namespaces: readonly string[],
  behave: TestKubelet["behave"],
): Promise<TestKubelet> {
  interface Told {
    readonly server: http.Server;
    readonly address: string;
    body: object;
  }
  const reports = new Map<string, Told>();
  const written = new Map<string, string>();
  let running = true;
  const kubelet = { behave };

  const addressOf = async (name: string, report: object): Promise<string> => {
    const known = reports.get(name);
    if (known !== undefined) {
      known.body = report;
      return known.address;
    }
    const entry: Told = { ...(await listen((): object => entry.body)), body: report };
    reports.set(name, entry);
    return entry.address;
  };

  const look = async () => {
    for (const namespace of namespaces) {
      const { items } = await api.request<{ items: KubeObject[] }>({ method: "GET", path: pathOf(POD, namespace) });
      for (const pod of items) {
        const role = pod.metadata.labels?.["app.kubernetes.io/component"] ?? "";
        const behaviour = kubelet.behave(role, pod);
        if (behaviour === null || pod.metadata.deletionTimestamp !== undefined) continue;
        const address =
          behaviour.is === "ready" && behaviour.report !== undefined
            ? await addressOf(`${pod.metadata.labels?.["app.kubernetes.io/part-of"]}-${role}`, behaviour.report)
            : undefined;
        const status = statusOf(behaviour, address);
        const text = JSON.stringify(status);
        if (written.get(pod.metadata.uid ?? "") === text) continue;
        written.set(pod.metadata.uid ?? "", text);
        await api
          .request({
            method: "PATCH",
            path: pathOf(POD, namespace, pod.metadata.name, "status"),
            contentType: "application/merge-patch+json",
            body: { status },
          })
          .catch((error: { readonly code?: number }) => {
            if (error.code !== 404) throw error;
          });
      }
    }
  };
  const run = async () => {
    while (running) {
      await look().catch(() => {});
      await sleep(LOOK_MILLISECONDS);
    }
  };
  const done = run();
  return Object.assign(kubelet, {
    async stop() {
      running = false;
      await done;
      await Promise.all([...reports.values()].map(({ server }) => new Promise((resolve) => server.close(resolve))));
    },
  });
}

/** On the roles' port, at an address of 127.0.0.0/8 that nobody else has. */
async function listen(body: () => object): Promise<{ server: http.Server; address: string }> {
  for (;;) {
    const address = `127.${randomInt(1, 255)}.${randomInt(0, 255)}.${randomInt(1, 255)}`;
    const server = http.createServer((_request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(body()));
    });
    const heard = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(9090, address, () => resolve(true));
    });
    if (heard) return { server, address };
  }
}

function statusOf(behaviour: NonNullable<Behaviour>, address: string | undefined): object {
  const container = { name: "productmatcher", image: "image", imageID: "image", restartCount: 0 };
  const at = new Date(0).toISOString();
  switch (behaviour.is) {
    case "ready":
      return {
        phase: "Running",
        ...(address === undefined ? {} : { podIP: address, podIPs: [{ ip: address }] }),
        conditions: [
          { type: "PodScheduled", status: "True" },
          { type: "Ready", status: "True", lastTransitionTime: at },
        ],
        containerStatuses: [{ ...container, ready: true, started: true, state: { running: { startedAt: at } } }],
      };
    case "ended":
      return {
        phase: behaviour.code === 0 ? "Succeeded" : "Failed",
        containerStatuses: [{ ...container, ready: false, state: { terminated: ending(behaviour, behaviour.code) } }],
      };
    case "crashing":
      return {
        phase: "Running",
        conditions: [{ type: "Ready", status: "False" }],
        containerStatuses: [
          {
            ...container,
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: ending(behaviour, behaviour.reason === "OOMKilled" ? 137 : 1) },
          },
        ],
      };
    case "waiting": {
      const { reason, message = "" } = behaviour;
      return {
        phase: "Pending",
        containerStatuses: [{ ...container, ready: false, state: { waiting: { reason, message } } }],
      };
    }
    case "unschedulable":
      return {
        phase: "Pending",
        conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: behaviour.message }],
      };
  }
}

function ending({ words, reason }: { words?: object | string; reason?: string }, exitCode: number) {
  const message = typeof words === "object" ? JSON.stringify(words) : words;
  const at = new Date(0).toISOString();
  return {
    exitCode,
    reason: reason ?? (exitCode === 0 ? "Completed" : "Error"),
    startedAt: at,
    finishedAt: at,
    ...(message === undefined ? {} : { message }),
  };
}
