/**
 * etcd, kube-apiserver, kube-controller-manager and kubectl for tests: etcd comes with the system, the others are built
 * once from their Go modules into a cache outside the repository. `KUBEBUILDER_ASSETS`, a folder with all of them, is
 * used instead when it is set.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

const KUBERNETES = "v1.36.3";
const BUILT = ["kube-apiserver", "kube-controller-manager", "kubectl"] as const;
/** On two busy cores with nothing cached; 45 s once Go's own cache is warm. */
const BUILD_TIMEOUT_MILLISECONDS = 30 * 60_000;
const MODULE = fileURLToPath(new URL("binaries", import.meta.url));

/** Paths of the programs. */
export interface Programs {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubeControllerManager: string;
  readonly kubectl: string;
}

/** What is missing on this machine to run an API server, with what to install; `null`: nothing. */
export async function missingForApiServer(): Promise<string | null> {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets !== undefined) {
    const missing = ["etcd", ...BUILT].filter((program) => !existsSync(join(assets, program)));
    return missing.length === 0 ? null : `KUBEBUILDER_ASSETS (${assets}) has no ${missing.join(", no ")}`;
  }
  const missing: string[] = [];
  if (onPath("etcd") === null) missing.push("etcd (Debian: etcd-server)");
  if (!existsSync(cacheFolder())) {
    await run("go", ["version"]).catch(() => missing.push("Go of at least 1.26 (https://go.dev/dl), which builds it"));
  }
  return missing.length === 0 ? null : `the API server suites need ${missing.join(" and ")}`;
}

/** Builds what the cache has not. */
export async function installApiServer(): Promise<Programs> {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets !== undefined) return programsIn(assets, join(assets, "etcd"));
  const folder = cacheFolder();
  if (!existsSync(folder)) await build(folder);
  return programsIn(folder, onPath("etcd") ?? "etcd");
}

function programsIn(folder: string, etcd: string): Programs {
  return {
    etcd,
    kubeApiserver: join(folder, "kube-apiserver"),
    kubeControllerManager: join(folder, "kube-controller-manager"),
    kubectl: join(folder, "kubectl"),
  };
}

function cacheFolder(): string {
  const cache = process.env.PRODUCTMATCHER_TEST_CACHE ?? join(tmpdir(), "productmatcher-test-cache");
  return join(cache, `kubernetes-${KUBERNETES}`);
}

async function build(folder: string): Promise<void> {
  console.error(`building ${BUILT.join(", ")} ${KUBERNETES}: some minutes, once`);
  const parent = join(folder, "..");
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, "building-"));
  try {
    // Without a version at link time every program calls itself v0.0.0-master.
    const version = "k8s.io/component-base/version";
    const [major, minor] = KUBERNETES.slice(1).split(".");
    const values = { gitVersion: KUBERNETES, gitMajor: major, gitMinor: minor, gitTreeState: "archive" };
    const links = Object.entries(values).map(([name, value]) => `-X ${version}.${name}=${value}`);
    const packages = BUILT.map((program) => `k8s.io/kubernetes/cmd/${program}`);
    await run("go", ["build", "-trimpath", "-ldflags", ["-s -w", ...links].join(" "), "-o", `${work}/`, ...packages], {
      cwd: MODULE,
      timeout: BUILD_TIMEOUT_MILLISECONDS,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOTOOLCHAIN: "local" },
    });
    renameSync(work, folder);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    // Another run was faster.
    if (!existsSync(folder)) throw error;
  }
}

function onPath(program: string): string | null {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/bin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}
