/** Helm and what judges its output, built once. `HELM` names a program to use instead. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGoPrograms, canHaveGoPrograms, GO_NEEDED, type GoPrograms, pinnedVersion } from "../go-programs.ts";

/** Of Kubernetes, that charts are rendered for where no cluster is asked: what Helm was built with. */
const [MAJOR, MINOR] = ["1", "36"];

const module = (name: string) => fileURLToPath(new URL(`binaries/${name}`, import.meta.url));

const HELM = pinnedVersion(module("helm"), "helm.sh/helm/v3");
const KUBECONFORM = pinnedVersion(module("kubeconform"), "github.com/yannh/kubeconform");
const GOPHER_LUA = pinnedVersion(module("glua"), "github.com/yuin/gopher-lua");
const KSTATUS = pinnedVersion(module("kstatus"), "sigs.k8s.io/cli-utils");

const helm: GoPrograms = {
  module: module("helm"),
  packages: ["helm.sh/helm/v3/cmd/helm"],
  variables: {
    "helm.sh/helm/v3/internal/version.version": HELM,
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": MAJOR,
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": MINOR,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": MAJOR,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": MINOR,
  },
  cache: `helm-${HELM}`,
};

const kubeconform: GoPrograms = {
  module: module("kubeconform"),
  packages: ["github.com/yannh/kubeconform/cmd/kubeconform"],
  cache: `kubeconform-${KUBECONFORM}`,
};

/** The Lua of Argo CD's health checks. */
const glua: GoPrograms = {
  module: module("glua"),
  packages: ["github.com/yuin/gopher-lua/cmd/glua"],
  cache: `glua-${GOPHER_LUA}`,
};

/** The library by which Flux judges resources, as a program. */
const kstatus: GoPrograms = { module: module("kstatus"), packages: ["."], cache: `kstatus-${KSTATUS}` };

/** Paths of the programs. */
export interface ChartPrograms {
  readonly helm: string;
  readonly kubeconform: string;
  readonly glua: string;
  readonly kstatus: string;
}

/** What is missing on this machine to render the chart and judge it; `null`: nothing. */
export async function missingForChart(): Promise<string | null> {
  if (await canHaveGoPrograms(helm)) return null;
  return `the chart's suites need ${GO_NEEDED}`;
}

/** Builds what the cache has not. */
export async function installChartPrograms(): Promise<ChartPrograms> {
  const built = async (programs: GoPrograms, name: string) => join(await buildGoPrograms(programs), name);
  return {
    helm: process.env.HELM ?? (await built(helm, "helm")),
    kubeconform: await built(kubeconform, "kubeconform"),
    glua: await built(glua, "glua"),
    kstatus: await built(kstatus, "kstatus"),
  };
}
