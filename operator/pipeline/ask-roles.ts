/** Asks the pods of a pipeline how they are. */
import http from "node:http";
import { type RoleReport, roleReport } from "../../services/role-report/index.ts";
import type { KubeObject } from "../runtime/index.ts";
import { roleOf, type StandingRole } from "./names.ts";
import { podStatus } from "./pods.ts";
import { OPERATIONS_PORT } from "./settings.ts";
import type { Asked } from "./sight.ts";

const LIMIT_MILLISECONDS = 1_000;
const MAX_BYTES = 256 * 1024;
/** Lag and counts of a group are the same in all of its pods: a few say them as well as a thousand. */
const MAX_PODS_OF_A_ROLE = 5;
const STANDING: readonly StandingRole[] = ["collector", "consumer", "recommender"];

/** Pods that can be asked: they run and have an address. */
export function answeringPods(pods: readonly KubeObject[]): KubeObject[] {
  return STANDING.flatMap((role) =>
    pods
      .filter((pod) => roleOf(pod) === role && podStatus(pod).phase === "Running" && podStatus(pod).podIP !== undefined)
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .slice(0, MAX_PODS_OF_A_ROLE),
  );
}

/** All at once. A pod that does not answer within a second, or not with a report, has said nothing. */
export function askPods(pods: readonly KubeObject[]): Promise<Asked[]> {
  return Promise.all(
    pods.map(async (pod) => {
      const report = await ask(podStatus(pod).podIP ?? "").catch(() => null);
      return { pod: pod.metadata.name, role: roleOf(pod) as StandingRole, report };
    }),
  );
}

async function ask(address: string): Promise<RoleReport> {
  const body = await new Promise<string>((resolve, reject) => {
    const options = { host: address, port: OPERATIONS_PORT, path: "/status", agent: false };
    const request = http.get({ ...options, signal: AbortSignal.timeout(LIMIT_MILLISECONDS) }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > MAX_BYTES) answer.destroy(new Error("a report of more than 256 kB"));
      });
      answer.once("end", () => {
        if (answer.statusCode === 200) resolve(text);
        else reject(new Error(`status ${answer.statusCode}`));
      });
      answer.once("error", reject);
    });
    request.once("error", reject);
  });
  return roleReport.parse(JSON.parse(body));
}
