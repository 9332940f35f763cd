/** Helm as a person runs it, with what it says. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, inject } from "vitest";
import { parseAllDocuments } from "yaml";
import type { ChartPrograms } from "./install.ts";
import { CHART } from "./next-chart.ts";

const run = promisify(execFile);

const shared = inject("chartPrograms");

export const describeChart = describe.skipIf(shared === null);

export const RELEASE = "productmatcher";
export const NAMESPACE = "productmatcher-system";

/** Kinds of the Prometheus Operator, as a cluster names them that has it. */
export const PROMETHEUS_OPERATOR = ["monitoring.coreos.com/v1/PodMonitor", "monitoring.coreos.com/v1/PrometheusRule"];

/** Of this run. */
export function programs(): ChartPrograms {
  if (shared === null) throw new Error("no Helm on this machine");
  return shared;
}

// biome-ignore lint/suspicious/noExplicitAny: manifests of any kind, of which a test names the fields
export type Manifest = any;

export interface RenderOptions {
  readonly chart?: string;
  readonly release?: string;
  readonly namespace?: string;
  /** Kinds that the cluster has, beyond those of every cluster. */
  readonly apiVersions?: readonly string[];
  readonly isUpgrade?: boolean;
}

/** @throws Error with what Helm said */
export async function helm(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = {
    ...process.env,
    HELM_CACHE_HOME: home(),
    HELM_CONFIG_HOME: home(),
    HELM_DATA_HOME: home(),
    ...environment,
  };
  const { stdout } = await run(programs().helm, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** What `helm template` gives for these values. */
export async function render(values: object = {}, options: RenderOptions = {}): Promise<Manifest[]> {
  const { chart = CHART, release = RELEASE, namespace = NAMESPACE, apiVersions = [], isUpgrade = false } = options;
  const more = [...apiVersions.flatMap((name) => ["--api-versions", name]), ...(isUpgrade ? ["--is-upgrade"] : [])];
  const text = await helm(["template", release, chart, "--namespace", namespace, ...valuesArguments(values), ...more]);
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null);
}

/** The one manifest of a kind, by the end of its name where there are several. */
export function only(manifests: readonly Manifest[], kind: string, nameEnd = ""): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name.endsWith(nameEnd));
  if (found.length !== 1) throw new Error(`${found.length} of kind ${kind} ${nameEnd}, expected one`);
  return found[0];
}

export function kindsOf(manifests: readonly Manifest[]): string[] {
  return [...new Set(manifests.map(({ kind }) => kind as string))].toSorted();
}

let folder: string | null = null;
let files = 0;

function home(): string {
  folder ??= mkdtempSync(join(tmpdir(), "productmatcher-helm-"));
  return folder;
}

/** Arguments that hand values over as a file does: with their types. */
export function valuesArguments(values: object): string[] {
  files += 1;
  const path = join(home(), `values-${files}.json`);
  writeFileSync(path, JSON.stringify(values));
  return ["--values", path];
}

afterAll(() => {
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
});
