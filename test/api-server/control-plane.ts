/**
 * A real control plane on loopback: etcd, kube-apiserver and kube-controller-manager. No node: pods are made by the
 * controllers and stay Pending, and a test writes their status as a kubelet would.
 */
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePorts } from "../kafka/broker.ts";
import { installApiServer, type Programs } from "./install.ts";
import { type RunningProgram, startProgram, tail } from "./processes.ts";

const run = promisify(execFile);

const READY_TIMEOUT_MILLISECONDS = 60_000;
const ADMIN = "admin";
/** Who the operator under test is: has no rights but those that a test grants. */
export const OPERATOR = "operator";
const CONTROLLERS = "system:kube-controller-manager";

const USERS: Readonly<Record<string, readonly string[]>> = {
  [ADMIN]: ["system:masters"],
  [OPERATOR]: [],
  [CONTROLLERS]: [],
};

export interface ControlPlaneOptions {
  /** False: Deployments, Jobs and owners are nobody's concern; their status is the test's to write. Default true. */
  readonly controllers?: boolean;
}

/** What test processes know of it. */
export interface ControlPlaneDescription {
  readonly folder: string;
  readonly apiPort: number;
  readonly etcdPort: number;
  readonly programs: Programs;
}

export interface ControlPlane extends ControlPlaneDescription {
  /** Ends the API server, by default as a crash does, and starts it again on the same data. */
  restartApiServer(signal?: NodeJS.Signals): Promise<void>;
  remove(): Promise<void>;
}

/** @returns once it answers and the default service account exists */
export async function startControlPlane({ controllers = true }: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const programs = await installApiServer();
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-api-server-"));
  const [etcdPort, etcdPeerPort, apiPort, controllerPort] = await freePorts(4);
  writeKeysAndTokens(folder);
  const running: RunningProgram[] = [];
  const start = (name: string, program: string, args: readonly string[]) => {
    const started = startProgram(program, args, join(folder, `${name}.log`));
    running.push(started);
    return started;
  };

  const description: ControlPlaneDescription = { folder, apiPort, etcdPort, programs };
  const startApi = async () => {
    const api = start("kube-apiserver", programs.kubeApiserver, apiServerArguments(folder, apiPort, etcdPort));
    await untilReady(description, api);
    return api;
  };
  const remove = async () => {
    for (const program of running.splice(0).reverse()) await program.stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    start("etcd", programs.etcd, etcdArguments(folder, etcdPort, etcdPeerPort));
    let api = await startApi();
    for (const user of Object.keys(USERS)) writeKubeconfig(description, user);
    if (controllers) {
      // Not before the API server is ready: it gives up when the default roles are not there yet.
      const args = controllerArguments(kubeconfigOf(description, CONTROLLERS), folder, controllerPort);
      start("kube-controller-manager", programs.kubeControllerManager, args);
      await until(() => kubectl(description, ["get", "serviceaccount", "default"]));
    }
    return {
      ...description,
      async restartApiServer(signal = "SIGKILL") {
        await api.stop(signal);
        running.splice(running.indexOf(api), 1);
        api = await startApi();
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Path of a user's kubeconfig; `server` stands in place of the API server: a proxy of the test. */
export function kubeconfigOf(plane: ControlPlaneDescription, user: string = ADMIN, server?: string): string {
  return server === undefined ? join(plane.folder, `${user}.kubeconfig`) : writeKubeconfig(plane, user, server);
}

/** As a pod of the user finds it: the folder of its account, and its environment. */
export function podOf(plane: ControlPlaneDescription, user: string, namespace: string) {
  const folder = join(plane.folder, `account-${user.replaceAll(":", "-")}-${namespace}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "token"), token(user));
  writeFileSync(join(folder, "namespace"), namespace);
  copyFileSync(join(plane.folder, "certificates", "apiserver.crt"), join(folder, "ca.crt"));
  const environment = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: `${plane.apiPort}` };
  return { folder, environment };
}

/** Output of kubectl as the administrator. @throws Error with what it said */
export async function kubectl(
  plane: ControlPlaneDescription,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const child = run(plane.programs.kubectl, ["--kubeconfig", kubeconfigOf(plane), ...args], {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, HOME: plane.folder },
  });
  child.child.stdin?.end(input ?? "");
  return (await child).stdout;
}

/** The requests that the API server saw of the operator, in order. */
export function auditedRequests(plane: ControlPlaneDescription): AuditedRequest[] {
  const path = join(plane.folder, "audit.log");
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as AuditedRequest);
}

export interface AuditedRequest {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

function writeKeysAndTokens(folder: string): void {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  writeFileSync(join(folder, "sa.key"), privateKey);
  writeFileSync(join(folder, "sa.pub"), publicKey);
  const lines = Object.entries(USERS).map(([user, groups]) => `${token(user)},${user},${user},"${groups.join(",")}"`);
  writeFileSync(join(folder, "tokens.csv"), `${lines.join("\n")}\n`);
  const policy = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    rules: [{ level: "Metadata", users: [OPERATOR], omitStages: ["RequestReceived"] }, { level: "None" }],
  };
  writeFileSync(join(folder, "audit.yaml"), JSON.stringify(policy));
}

function token(user: string): string {
  return `token-of-${user.replaceAll(":", "-")}`;
}

function etcdArguments(folder: string, port: number, peerPort: number): string[] {
  const peer = `http://127.0.0.1:${peerPort}`;
  const client = `http://127.0.0.1:${port}`;
  return [
    ...["--name", "test", "--data-dir", join(folder, "etcd")],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `test=${peer}`],
    ...["--logger", "zap", "--log-level", "warn"],
    // The data lives as long as the test.
    "--unsafe-no-fsync",
  ];
}

function apiServerArguments(folder: string, port: number, etcdPort: number): string[] {
  return [
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, "certificates")}`,
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.203.128.0/20",
    "--authorization-mode=RBAC",
    "--anonymous-auth=false",
    `--token-auth-file=${join(folder, "tokens.csv")}`,
    `--service-account-key-file=${join(folder, "sa.pub")}`,
    `--service-account-signing-key-file=${join(folder, "sa.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--audit-policy-file=${join(folder, "audit.yaml")}`,
    `--audit-log-path=${join(folder, "audit.log")}`,
    "--audit-log-mode=batch",
    "--shutdown-delay-duration=0s",
    "--profiling=false",
  ];
}

function controllerArguments(kubeconfig: string, folder: string, port: number): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    "--leader-elect=false",
    "--use-service-account-credentials=true",
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
    `--service-account-private-key-file=${join(folder, "sa.key")}`,
    "--profiling=false",
  ];
}

function writeKubeconfig(plane: ControlPlaneDescription, user: string, server?: string): string {
  const authority = readFileSync(join(plane.folder, "certificates", "apiserver.crt")).toString("base64");
  const address = server ?? `https://127.0.0.1:${plane.apiPort}`;
  const cluster = address.startsWith("https:")
    ? { server: address, "certificate-authority-data": authority }
    : { server: address, "insecure-skip-tls-verify": true };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: user, user: { token: token(user) } }],
    contexts: [{ name: "test", context: { cluster: "test", user } }],
    "current-context": "test",
  };
  const port = new URL(address).port;
  const path = join(plane.folder, server === undefined ? `${user}.kubeconfig` : `${user}-${port}.kubeconfig`);
  writeFileSync(path, JSON.stringify(config));
  return path;
}

async function untilReady(plane: ControlPlaneDescription, api: RunningProgram): Promise<void> {
  await until(async () => {
    if (api.exitCode() !== null) {
      throw new Error(`kube-apiserver ended: ${tail(join(plane.folder, "kube-apiserver.log"))}`);
    }
    await readyz(plane);
  });
}

function readyz({ apiPort }: ControlPlaneDescription): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token(ADMIN)}` };
    // The certificate is made by the server that is being waited for.
    const options = { port: apiPort, path: "/readyz", headers, rejectUnauthorized: false, timeout: 2_000 };
    request({ host: "127.0.0.1", ...options }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`not ready: ${response.statusCode}`));
    })
      .once("error", reject)
      .end();
  });
}

async function until(attempt: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + READY_TIMEOUT_MILLISECONDS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > end || (error instanceof Error && error.message.includes("ended:"))) throw error;
      await sleep(100);
    }
  }
}
