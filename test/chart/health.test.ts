/** How Argo CD and Flux judge a pipeline: by the Lua of the example, and by kstatus. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { describeChart, programs } from "./helm.ts";

const folder = mkdtempSync(join(tmpdir(), "productmatcher-health-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const GENERATION = 3;

const condition = (type: string, status: string, reason = "Because") => {
  return { type, status, reason, message: `${type} is ${status}`, observedGeneration: GENERATION };
};

/** A status, what Argo CD makes of it, and what kstatus does. */
const JUDGEMENTS = [
  {
    name: "before the operator's first look",
    status: { conditions: [condition("Ready", "Unknown", "Pending")] },
    ...{ argo: "Progressing", kstatus: "InProgress" },
  },
  {
    name: "ready",
    status: { observedGeneration: GENERATION, conditions: [condition("Ready", "True")] },
    ...{ argo: "Healthy", kstatus: "Current" },
  },
  {
    name: "ready, but for the generation before",
    status: { observedGeneration: GENERATION - 1, conditions: [condition("Ready", "True")] },
    ...{ argo: "Progressing", kstatus: "InProgress" },
  },
  {
    name: "rolling out",
    status: {
      observedGeneration: GENERATION,
      conditions: [condition("Ready", "True"), condition("Reconciling", "True")],
    },
    ...{ argo: "Progressing", kstatus: "InProgress" },
  },
  {
    name: "stalled",
    status: { observedGeneration: GENERATION, conditions: [condition("Ready", "False"), condition("Stalled", "True")] },
    ...{ argo: "Degraded", kstatus: "Failed" },
  },
  {
    name: "not ready, tried again",
    status: { observedGeneration: GENERATION, conditions: [condition("Ready", "False")] },
    ...{ argo: "Degraded", kstatus: "InProgress" },
  },
  {
    name: "paused",
    status: { observedGeneration: GENERATION, conditions: [condition("Ready", "True"), condition("Paused", "True")] },
    ...{ argo: "Suspended", kstatus: "Current" },
  },
];

function pipeline(status: object): object {
  const metadata = { name: "shop", namespace: "default", generation: GENERATION };
  return { apiVersion: "productmatcher.dev/v1alpha1", kind: "RecommenderPipeline", metadata, spec: {}, status };
}

describeChart("a pipeline is judged", () => {
  const [config] = parseAllDocuments(readFileSync("examples/argo-cd.yaml", "utf8")).map((document) => document.toJS());
  const script = config.data["resource.customizations.health.productmatcher.dev_RecommenderPipeline"];

  test.for(JUDGEMENTS)("by Argo CD as $argo: $name", async ({ name, status, argo }) => {
    const path = join(folder, `${name.replaceAll(" ", "-")}.lua`);
    writeFileSync(
      path,
      `local obj = ${lua(pipeline(status))}\nlocal function check()\n${script}\nend\nprint(check().status)\n`,
    );
    expect(await said(programs().glua, [path])).toBe(argo);
  });

  test("by Argo CD as Progressing while it has no status at all", async () => {
    const path = join(folder, "none.lua");
    writeFileSync(
      path,
      `local obj = { metadata = {} }\nlocal function check()\n${script}\nend\nprint(check().status)\n`,
    );
    expect(await said(programs().glua, [path])).toBe("Progressing");
  });

  test.for(JUDGEMENTS)("by Flux as $kstatus: $name", async ({ status, kstatus }) => {
    expect(await said(programs().kstatus, [], JSON.stringify(pipeline(status)))).toBe(kstatus);
  });
});

/** A literal of Lua. */
function lua(value: unknown): string {
  if (Array.isArray(value)) return `{ ${value.map(lua).join(", ")} }`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value).map(([key, field]) => `[${JSON.stringify(key)}] = ${lua(field)}`)} }`;
}

async function said(program: string, args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    // Whoever reads nothing may have ended before an empty input is closed.
    const child = spawn(program, args, { stdio: [input === "" ? "ignore" : "pipe", "pipe", "pipe"] });
    let text = "";
    const take = (more: string) => {
      text += more;
    };
    child.stdout?.setEncoding("utf8").on("data", take);
    child.stderr?.setEncoding("utf8").on("data", take);
    child.once("error", reject);
    child.once("close", () => resolve(text.trim()));
    child.stdin?.end(input);
  });
}
