/**
 * The real operator, in a process of its own, with the rights that it asks for and no more.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { leaseRights, pipelineRights } from "../../operator/pipeline/index.ts";
import { LEASE_NAME } from "../../operator/pipeline/run.ts";
import { type ControlPlaneDescription, kubeconfigOf, kubectl, OPERATOR, podOf } from "./control-plane.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface TestOperator {
  readonly pid: number;
  /** Lines of its log. */
  readonly log: () => string;
  /** Of its figures and probes. */
  readonly address: string;
  readonly exited: Promise<number | null>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
}

export interface TestOperatorOptions {
  readonly plane: ControlPlaneDescription;
  /** Whose pipelines it looks after; the first has its lease. */
  readonly namespaces: readonly string[];
  readonly args?: readonly string[];
  /** Of a proxy in front of the API server. */
  readonly server?: string;
  /** Default: it is who its pod is. */
  readonly kubeconfig?: string;
  /** Default: the program as it stands in the repository. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Definitions and rights, once for a control plane. */
export async function installOperator(plane: ControlPlaneDescription): Promise<void> {
  await kubectl(plane, ["apply", "-f", `${ROOT}/crds/recommenderpipelines.yaml`]);
  const rules = [...pipelineRights({ gatewayApi: true, keda: true }), ...leaseRights(LEASE_NAME)];
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: OPERATOR }, rules };
  const binding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: OPERATOR },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: OPERATOR },
    subjects: [{ kind: "User", name: OPERATOR, apiGroup: "rbac.authorization.k8s.io" }],
  };
  const list = { apiVersion: "v1", kind: "List", items: [role, binding] };
  await kubectl(plane, ["apply", "-f", "-"], JSON.stringify(list));
  await kubectl(plane, ["wait", "--for=condition=Established", "crd/recommenderpipelines.productmatcher.dev"]);
}

/** Resolves when it answers on its port. */
export async function startOperatorProcess(options: TestOperatorOptions): Promise<TestOperator> {
  const { plane, namespaces } = options;
  const [first = "default"] = namespaces;
  const pod = podOf(plane, OPERATOR, first);
  const isPod = options.kubeconfig === undefined && options.server === undefined;
  const who = isPod
    ? ["--service-account", pod.folder]
    : ["--kubeconfig", options.kubeconfig ?? kubeconfigOf(plane, OPERATOR, options.server)];
  const args = [
    ...["operator", ...who],
    ...["--namespaces", namespaces.join(","), "--operator-namespace", first],
    ...["--host", "127.0.0.1", "--port", "0", ...(options.args ?? [])],
  ];
  const child: ChildProcess = spawn(process.execPath, [options.program ?? "services/cli/main.ts", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...pod.environment, ...options.environment },
  });
  let log = "";
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const killAtExit = () => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  void exited.then(() => process.removeListener("exit", killAtExit));
  const address = await new Promise<string>((resolve, reject) => {
    const take = (text: string) => {
      log += text;
      const match = /figures and probes on (\S+)/.exec(log);
      if (match?.[1] !== undefined) resolve(match[1]);
    };
    child.stdout?.setEncoding("utf8").on("data", take);
    child.stderr?.setEncoding("utf8").on("data", take);
    void exited.then((code) => reject(new Error(`the operator ended with ${code}: ${log}`)));
  });
  return {
    pid: child.pid ?? -1,
    log: () => log,
    address,
    exited,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
    async get(path) {
      const response = await fetch(`${address}${path}`);
      return { status: response.status, text: await response.text() };
    },
  };
}
