/**
 * Where the story is told: on the cluster of `PRODUCTMATCHER_CLUSTER_KUBECONFIG`, else on one of its own on this machine,
 * which it brings up and, if it was down before, takes down again.
 */
import { execFile, spawn } from "node:child_process";
import { accessSync, constants, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import packageFile from "../../package.json" with { type: "json" };
import { GO_NEEDED, hasGo } from "../go-programs.ts";
import { missingForKafka } from "../kafka/install.ts";

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ONE_NODE = fileURLToPath(new URL("one-node", import.meta.url));
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** The image as the README calls it. */
const README_IMAGE = "registry.example/productmatcher";

export interface Target {
  readonly kubeconfig: string;
  /** Address of this machine that pods reach. */
  readonly host: string;
  /** Image that the README's commands build. */
  readonly image: string;
  /** Image of a release to come: its program says another version. Made here, where the cluster is the story's own. */
  nextImage(): Promise<string>;
  /** What it printed. @throws Error with what it said */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  helm(args: readonly string[]): Promise<string>;
  /**
   * Runs commands as a reader of the README does: in the repository's folder, the cluster and its namespace chosen.
   *
   * @returns what they printed. @throws Error with what they said
   */
  shell(commands: string, namespace: string): Promise<string>;
  /** Leaves this machine as it was. */
  leave(): Promise<void>;
}

/** What is missing on this machine to tell the story, with what to do about it; `null`: nothing. */
export async function missingForStory(environment: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const missing = await missingForKafka();
  if (missing !== null || environment.PRODUCTMATCHER_CLUSTER_KUBECONFIG !== undefined) return missing;
  const parts = [
    { of: "root", there: process.getuid?.() === 0 },
    { of: "Debian 12 (apt-get)", there: existsSync("/usr/bin/apt-get") },
    { of: "curl", there: existsSync("/usr/bin/curl") },
    { of: "control groups that it may write (/sys/fs/cgroup)", there: isWritable("/sys/fs/cgroup") },
    { of: GO_NEEDED, there: existsSync(join(binFolder(environment), "kubelet")) || (await hasGo()) },
  ];
  const without = parts.filter(({ there }) => !there).map(({ of }) => of);
  if (without.length === 0) return null;
  return `a cluster of its own needs ${without.join(" and ")}; or name one in PRODUCTMATCHER_CLUSTER_KUBECONFIG`;
}

/** @throws Error that says what is missing in the environment */
export async function findTarget(environment: NodeJS.ProcessEnv = process.env): Promise<Target> {
  const kubeconfig = environment.PRODUCTMATCHER_CLUSTER_KUBECONFIG;
  if (kubeconfig === undefined) return ownCluster(environment);
  const needed = (name: string) => {
    const value = environment[name];
    if (value === undefined) throw new Error(`set ${name} beside PRODUCTMATCHER_CLUSTER_KUBECONFIG: docs/cluster.md`);
    return value;
  };
  const image = needed("PRODUCTMATCHER_CLUSTER_IMAGE");
  const nextImage = needed("PRODUCTMATCHER_CLUSTER_NEXT_IMAGE");
  const repository = image.slice(0, image.lastIndexOf(":"));
  const { PATH = "" } = environment;
  return {
    ...clients(kubeconfig, "kubectl", "helm"),
    ...{ image, host: needed("PRODUCTMATCHER_CLUSTER_HOST"), nextImage: async () => nextImage },
    shell(commands, namespace) {
      // The cluster has the image; its name there is what a reader puts in too.
      const given = `docker() { :; }\n${commands.replaceAll(README_IMAGE, repository)}`;
      return typed(given, { kubeconfig, namespace, kubectl: "kubectl", path: PATH });
    },
    async leave() {},
  };
}

async function ownCluster(environment: NodeJS.ProcessEnv): Promise<Target> {
  const bin = binFolder(environment);
  const down = () => told(join(ONE_NODE, "down"), []);
  const { stdout, stderr } = await told(join(ONE_NODE, "up"), []).catch(async (error: unknown) => {
    await down().catch(() => {});
    throw error;
  });
  const wasUp = stderr.includes("already up");
  const kubeconfig = stdout.trim();
  const kubectl = join(bin, "kubectl");
  const image = `${README_IMAGE}:${packageFile.version}`;
  return {
    ...clients(kubeconfig, kubectl, join(bin, "helm")),
    host: `${environment.CLUSTER_NETWORK ?? "10.203"}.255.1`,
    image,
    async nextImage() {
      const [major = "0", minor = "0", patch = "0"] = packageFile.version.split(".");
      const version = `${major}.${minor}.${Number(patch) + 1}`;
      const next = `${README_IMAGE}:${version}`;
      await told(join(ONE_NODE, "next-image"), [image, next, version]);
      await told(join(ONE_NODE, "load-image"), [next]);
      return next;
    },
    shell(commands, namespace) {
      const path = `${bin}:${environment.PATH ?? ""}`;
      return typed(`docker() { '${ONE_NODE}/docker' "$@"; }\n${commands}`, { kubeconfig, namespace, kubectl, path });
    },
    async leave() {
      if (!wasUp) await down();
    },
  };
}

/** Where `up` keeps its programs. */
function binFolder(environment: NodeJS.ProcessEnv): string {
  const cache = environment.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return join(environment.CLUSTER_DIR ?? join(cache, "productmatcher-cluster"), "bin");
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function clients(kubeconfig: string, kubectl: string, helm: string): Pick<Target, "kubeconfig" | "kubectl" | "helm"> {
  const call = async (program: string, args: readonly string[], input = "") => {
    const running = run(program, ["--kubeconfig", kubeconfig, ...args], { maxBuffer: MAX_OUTPUT_BYTES });
    const forget = killAtExit(() => running.child.kill("SIGKILL"));
    running.child.stdin?.end(input);
    return (await running.finally(forget)).stdout;
  };
  return {
    kubeconfig,
    kubectl: (args, input) => call(kubectl, args, input),
    helm: (args) => call(helm, args),
  };
}

interface Desk {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly kubectl: string;
  readonly path: string;
}

/** Ends at the first command that fails. What was started in the background ends with it. */
async function typed(commands: string, { kubeconfig, namespace, kubectl, path }: Desk): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-desk-"));
  try {
    const own = join(folder, "kubeconfig");
    copyFileSync(kubeconfig, own);
    await run(kubectl, ["--kubeconfig", own, "config", "set-context", "--current", `--namespace=${namespace}`]);
    const script = `set -euo pipefail; trap 'jobs -p | xargs --no-run-if-empty kill' EXIT\n${commands}`;
    const environment = { ...process.env, PATH: path, KUBECONFIG: own };
    return (await told("bash", ["-x", "-c", script], environment)).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What it says is shown at once: it may take minutes. */
function told(
  program: string,
  args: readonly string[],
  environment = process.env,
): Promise<{ stdout: string; stderr: string }> {
  // In a group of its own, which ends as a whole: what it starts would go on without it.
  const child = spawn(program, args, {
    cwd: ROOT,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const forget = killAtExit(() => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    process.stderr.write(text);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      forget();
      if (code === 0) resolve({ stdout, stderr });
      else reject(new Error(`${program} ended with ${code}: ${stdout.slice(-2_000)}\n${stderr.slice(-2_000)}`));
    });
  });
}

/** What this process started must not go on without it. @returns takes that back, once the child has ended */
function killAtExit(kill: () => void): () => void {
  process.once("exit", kill);
  return () => process.removeListener("exit", kill);
}
