/** Helm and kubeconform for the chart's suites, built once. `HELM` and `KUBECONFORM` name programs to use instead. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGoPrograms, canHaveGoPrograms, GO_NEEDED, type GoPrograms } from "../go-programs.ts";

const HELM = "v3.21.4";
/** Of Kubernetes, that charts are rendered for where no cluster is asked: what Helm was built with. */
const [MAJOR, MINOR] = ["1", "36"];
const KUBECONFORM = "v0.8.0";

const module = (name: string) => fileURLToPath(new URL(`binaries/${name}`, import.meta.url));

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

/** What is missing on this machine to render the chart; `null`: nothing. */
export async function missingForHelm(): Promise<string | null> {
  if (process.env.HELM !== undefined || (await canHaveGoPrograms(helm))) return null;
  return `the chart's suites need Helm 3 (HELM names the program) or ${GO_NEEDED}`;
}

/** Path of the program. */
export async function installHelm(): Promise<string> {
  return process.env.HELM ?? join(await buildGoPrograms(helm), "helm");
}

/** Path of the program. */
export async function installKubeconform(): Promise<string> {
  return process.env.KUBECONFORM ?? join(await buildGoPrograms(kubeconform), "kubeconform");
}
