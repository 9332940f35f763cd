/**
 * The definitions of operators that people have beside ours, as those projects publish them in their Go modules: what the
 * chart renders for them, and the examples that go with them, are checked by a real API server that holds these.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ControlPlaneDescription, kubectl } from "../api-server/control-plane.ts";

const run = promisify(execFile);

const FETCH_TIMEOUT_MILLISECONDS = 300_000;

/** Files by module. */
const PUBLISHED: Readonly<Record<string, readonly string[]>> = {
  "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
    "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
  ],
  "github.com/kedacore/keda/v2@v2.21.0": [
    "config/crd/bases/keda.sh_scaledobjects.yaml",
    "config/crd/bases/keda.sh_triggerauthentications.yaml",
  ],
  "sigs.k8s.io/gateway-api@v1.5.1": [
    "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
    "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
  ],
  "github.com/fluxcd/helm-controller@v1.4.0": ["config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml"],
  "github.com/fluxcd/source-controller@v1.7.0": ["config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml"],
};

export async function installDefinitions(plane: ControlPlaneDescription): Promise<void> {
  for (const [module, files] of Object.entries(PUBLISHED)) {
    const folder = await moduleFolder(module);
    // Server-side: as an annotation, some are larger than an object may be.
    const paths = files.flatMap((file) => ["-f", join(folder, file)]);
    await kubectl(plane, ["apply", "--server-side", ...paths]);
  }
  await kubectl(plane, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
}

async function moduleFolder(module: string): Promise<string> {
  const { stdout } = await run("go", ["mod", "download", "-json", module], {
    timeout: FETCH_TIMEOUT_MILLISECONDS,
    env: { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod" },
  });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}
