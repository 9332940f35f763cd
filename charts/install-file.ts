/**
 * Writes deploy/install.yaml, the chart with its defaults for those without Helm: `node charts/install-file.ts`. With `--check`
 * nothing is written; exit 1 when it is not current. It needs Helm 3, on the PATH or named by `HELM`; on a machine without it
 * the file is left as it is, and the chart's test suite is who tells that it has become old.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parseAllDocuments, stringify } from "yaml";

const run = promisify(execFile);

const FILE = fileURLToPath(new URL("../deploy/install.yaml", import.meta.url));
const CHART = fileURLToPath(new URL("productmatcher", import.meta.url));
const RELEASE = "productmatcher";
const NAMESPACE = "productmatcher-system";
const NOTE = `# ProductMatcher's operator, in the namespace ${NAMESPACE}: kubectl apply -f deploy/install.yaml
# Generated from charts/productmatcher by \`npm run generate\`. Change the chart.
`;
/** What only Helm reads, or what would say that Helm looks after it. */
const HELMS_OWN = ["app.kubernetes.io/managed-by", "helm.sh/chart", "helm.sh/resource-policy"];

interface Manifest {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** @param helm path of the program */
export async function installFile(helm: string): Promise<string> {
  const { stdout } = await run(helm, ["template", RELEASE, CHART, "--namespace", NAMESPACE], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const rendered = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest | null);
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
  const manifests = [namespace, ...rendered.filter((manifest) => manifest !== null).map(withoutHelm)];
  const options = { lineWidth: 0, aliasDuplicateObjects: false, version: "1.1" } as const;
  return NOTE + manifests.map((manifest) => stringify(manifest, options)).join("---\n");
}

export function committedInstallFile(): string | undefined {
  return existsSync(FILE) ? readFileSync(FILE, "utf8") : undefined;
}

function withoutHelm(manifest: Manifest): Manifest {
  const { labels, annotations, ...metadata } = manifest.metadata;
  const kept = { ...metadata, ...shared("labels", labels), ...shared("annotations", annotations) };
  return { ...manifest, metadata: kept };
}

function shared(name: string, entries: Readonly<Record<string, string>> = {}) {
  const kept = Object.entries(entries).filter(([key]) => !HELMS_OWN.includes(key));
  return kept.length === 0 ? {} : { [name]: Object.fromEntries(kept) };
}

async function findHelm(): Promise<string | null> {
  const helm = process.env.HELM ?? "helm";
  return run(helm, ["version"]).then(
    () => helm,
    () => null,
  );
}

if (import.meta.main) {
  const helm = await findHelm();
  if (helm === null) {
    console.error("not run: deploy/install.yaml needs Helm 3 (https://helm.sh/docs/intro/install), or HELM to name it");
  } else if (process.argv.includes("--check")) {
    if (committedInstallFile() !== (await installFile(helm))) {
      console.error("deploy/install.yaml is not current: run npm run generate and commit it");
      process.exitCode = 1;
    }
  } else {
    writeFileSync(FILE, await installFile(helm));
  }
}
