/** What the chart renders, before a real API server: schemas, strict dry runs, the restricted Pod Security Standard. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { type ControlPlaneDescription, kubectl } from "../api-server/control-plane.ts";
import { eventually, plane } from "../api-server/suite.ts";
import { installDefinitions } from "./definitions.ts";
import { describeChart, type Manifest, NAMESPACE, programs, render } from "./helm.ts";
import { MATRIX } from "./matrix.ts";
import { writeSchemas } from "./schemas.ts";

const NAMESPACES = ["shop", "shop-staging", NAMESPACE];
const OF_EXAMPLES = ["argocd", "flux-system", "gateways"];
const DEFINITION = "crds/recommenderpipelines.yaml";
/** Kinds of the examples whose definitions are in no Go module. */
const UNKNOWN = ["KafkaUser", "ClickHouseInstallation", "Application", "Kustomization"];

function asText(manifests: readonly object[]): string {
  return manifests
    .map((manifest) => stringify(manifest, { aliasDuplicateObjects: false, version: "1.1" }))
    .join("---\n");
}

describeChart("a cluster", () => {
  let schemas: string;
  let cluster: ControlPlaneDescription;

  beforeAll(async () => {
    cluster = plane();
    await installDefinitions(cluster);
    await kubectl(cluster, ["apply", "-f", DEFINITION]);
    await kubectl(cluster, ["wait", "--for=condition=Established", "crd", "--all"]);
    for (const name of OF_EXAMPLES) await kubectl(cluster, ["create", "namespace", name]);
    for (const name of NAMESPACES) {
      await kubectl(cluster, ["create", "namespace", name]);
      const levels = ["enforce", "warn"].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
      await kubectl(cluster, ["label", "namespace", name, ...levels]);
    }
    // What an API server serves of a definition comes a moment after it is established.
    await eventually(
      () => kubectl(cluster, ["get", "--raw", "/openapi/v3"]),
      (paths) => ["productmatcher.dev", "monitoring.coreos.com", "keda.sh"].every((group) => paths.includes(group)),
    );
    schemas = await writeSchemas(cluster, join(cluster.folder, "schemas"));
  }, 300_000);

  test.for(MATRIX)("has a schema that takes it, field by field: $name", async ({ values, options }) => {
    const { code, said } = await kubeconform(schemas, asText(await render(values, options)));
    expect(said).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
    expect(code).toBe(0);
  });

  test("has schemas that refuse what is wrong", async () => {
    const deployment = (await render()).find(({ kind }) => kind === "Deployment");
    for (const [spec, message] of [
      [{ ...deployment.spec, replica: 2 }, "additional properties 'replica' not allowed"],
      [{ ...deployment.spec, replicas: "two" }, "got string, want integer"],
    ] as const) {
      const { code, said } = await kubeconform(schemas, asText([{ ...deployment, spec }]));
      expect([code, said]).toEqual([1, expect.stringContaining(message)]);
    }
  });

  test.for(MATRIX)("takes it in a strict dry run, without a warning: $name", async ({ values, options }) => {
    await dryRun(cluster, await render(values, options));
  });

  test.for(MATRIX)("runs all its pods in a restricted namespace: $name", async ({ values, options }) => {
    const manifests = await render(values, options);
    const pods = manifests.flatMap(podOf);
    expect(pods.length).toBeGreaterThan(0);
    // Labelled so, the namespace refuses a pod that is less than restricted.
    await dryRun(cluster, pods);
  });

  test("refuses a pod there that has more than it needs", async () => {
    const [pod] = (await render()).flatMap(podOf);
    const [container] = pod.spec.containers;
    const loose = { ...pod, spec: { ...pod.spec, containers: [{ ...container, securityContext: {} }] } };
    await expect(dryRun(cluster, [loose])).rejects.toThrow("violates PodSecurity");
  });

  test.for(readdirSync("examples"))("takes what it knows of examples/%s", async (file) => {
    const documents = parseAllDocuments(readFileSync(join("examples", file), "utf8")).map((document) =>
      document.toJS(),
    );
    const known = documents.filter(({ kind }) => !UNKNOWN.includes(kind));
    for (const { metadata } of known) metadata.namespace ??= "shop";
    if (known.length > 0) await dryRun(cluster, known);
  });

  test("takes deploy/install.yaml", async () => {
    const file = readFileSync("deploy/install.yaml", "utf8");
    expect((await kubeconform(schemas, file)).said).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
    await kubectl(cluster, ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"], file);
  });
});

/** @throws Error with the API server's own words, or its warnings */
async function dryRun(cluster: ControlPlaneDescription, manifests: readonly Manifest[]): Promise<void> {
  const args = ["--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"];
  await kubectl(cluster, ["apply", "--server-side", "--force-conflicts", ...args], asText(manifests));
}

/** The pod that a workload makes of its template, and that an admission of pods looks at. */
function podOf({ kind, metadata, spec }: Manifest): Manifest[] {
  if (!["Deployment", "StatefulSet", "Job"].includes(kind)) return [];
  const { template } = spec;
  const { namespace, name } = metadata;
  // Priorities and accounts are admitted by what is there; a dry run has nothing there.
  const { priorityClassName: _, serviceAccountName: _account, ...pod } = template.spec;
  return [{ apiVersion: "v1", kind: "Pod", metadata: { ...template.metadata, namespace, name }, spec: pod }];
}

async function kubeconform(location: string, input: string): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(programs().kubeconform, ["-strict", "-summary", "-schema-location", location], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let said = "";
    const take = (text: string) => {
      said += text;
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? -1, said }));
    child.stdin.end(input);
  });
}
