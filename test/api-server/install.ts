/**
 * etcd, kube-apiserver, kube-controller-manager and kubectl for tests: etcd comes with the system, the others are built
 * once from their Go modules into a cache outside the repository. `KUBEBUILDER_ASSETS`, a folder with all of them, is
 * used instead when it is set.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGoPrograms, canHaveGoPrograms, GO_NEEDED, type GoPrograms } from "../go-programs.ts";

const KUBERNETES = "v1.36.3";
const BUILT = ["kube-apiserver", "kube-controller-manager", "kubectl"] as const;

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
  if (!(await canHaveGoPrograms(kubernetes()))) missing.push(GO_NEEDED);
  return missing.length === 0 ? null : `the API server suites need ${missing.join(" and ")}`;
}

/** Builds what the cache has not. */
export async function installApiServer(): Promise<Programs> {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets !== undefined) return programsIn(assets, join(assets, "etcd"));
  return programsIn(await buildGoPrograms(kubernetes()), onPath("etcd") ?? "etcd");
}

function programsIn(folder: string, etcd: string): Programs {
  return {
    etcd,
    kubeApiserver: join(folder, "kube-apiserver"),
    kubeControllerManager: join(folder, "kube-controller-manager"),
    kubectl: join(folder, "kubectl"),
  };
}

function kubernetes(): GoPrograms {
  // Without a version at link time every program calls itself v0.0.0-master.
  const [major = "", minor = ""] = KUBERNETES.slice(1).split(".");
  const values = { gitVersion: KUBERNETES, gitMajor: major, gitMinor: minor, gitTreeState: "archive" };
  return {
    module: fileURLToPath(new URL("binaries", import.meta.url)),
    packages: BUILT.map((program) => `k8s.io/kubernetes/cmd/${program}`),
    variables: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`k8s.io/component-base/version.${name}`, value]),
    ),
    cache: `kubernetes-${KUBERNETES}`,
  };
}

function onPath(program: string): string | null {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/bin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}
