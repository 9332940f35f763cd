/**
 * Where the story is told: on the cluster of `PRODUCTMATCHER_CLUSTER_KUBECONFIG`, else on one of its own on this machine,
 * which it brings up and, if it was down before, takes down again.
 */
import { execFile, spawn } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import packageFile from "../../package.json" with { type: "json" };

const run = promisify(execFile);

const ONE_NODE = fileURLToPath(new URL("one-node", import.meta.url));
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Two images of the program, as two releases would be. */
export interface Images {
  readonly first: string;
  readonly next: string;
}

export interface Target {
  readonly kubeconfig: string;
  /** Address of this machine that pods reach. */
  readonly host: string;
  /** Makes them, where the cluster is the story's own. */
  images(): Promise<Images>;
  /** What it printed. @throws Error with what it said */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  helm(args: readonly string[]): Promise<string>;
  /** Leaves this machine as it was. */
  leave(): Promise<void>;
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
  const [first, next] = [needed("PRODUCTMATCHER_CLUSTER_IMAGE"), needed("PRODUCTMATCHER_CLUSTER_NEXT_IMAGE")];
  return {
    ...clients(kubeconfig, "kubectl", "helm"),
    host: needed("PRODUCTMATCHER_CLUSTER_HOST"),
    images: async () => ({ first, next }),
    async leave() {},
  };
}

async function ownCluster(environment: NodeJS.ProcessEnv): Promise<Target> {
  const cache = environment.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const bin = join(environment.CLUSTER_DIR ?? join(cache, "productmatcher-cluster"), "bin");
  const { stdout, stderr } = await script("up");
  const wasUp = stderr.includes("already up");
  return {
    ...clients(stdout.trim(), join(bin, "kubectl"), join(bin, "helm")),
    host: `${environment.CLUSTER_NETWORK ?? "10.203"}.255.1`,
    async images() {
      const [major = "0", minor = "0", patch = "0"] = packageFile.version.split(".");
      const versions = [packageFile.version, `${major}.${minor}.${Number(patch) + 1}`];
      const [first = "", next = ""] = versions.map((version) => `productmatcher.local/productmatcher:${version}`);
      for (const [index, image] of [first, next].entries()) {
        await script("build-image", image, "--build-arg", `VERSION=${versions[index]}`);
      }
      return { first, next };
    },
    async leave() {
      if (!wasUp) await script("down");
    },
  };
}

function clients(kubeconfig: string, kubectl: string, helm: string): Pick<Target, "kubeconfig" | "kubectl" | "helm"> {
  const call = async (program: string, args: readonly string[], input = "") => {
    const child = run(program, ["--kubeconfig", kubeconfig, ...args], { maxBuffer: MAX_OUTPUT_BYTES });
    child.child.stdin?.end(input);
    return (await child).stdout;
  };
  return {
    kubeconfig,
    kubectl: (args, input) => call(kubectl, args, input),
    helm: (args) => call(helm, args),
  };
}

/** What it says is shown at once: it may take minutes. */
function script(name: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(join(ONE_NODE, name), args, { stdio: ["ignore", "pipe", "pipe"] });
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
      if (code === 0) resolve({ stdout, stderr });
      else reject(new Error(`test/cluster/one-node/${name} ended with ${code}: ${stderr.slice(-2_000)}`));
    });
  });
}
