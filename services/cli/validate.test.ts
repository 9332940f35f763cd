import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "validate-"));
afterAll(() => rmSync(folder, { recursive: true }));

const minimal = readFileSync(join(root, "examples/minimal.yaml"), "utf8");
const mistyped = join(folder, "mistyped.yaml");
writeFileSync(mistyped, `${minimal}  serving:\n    autoscaling: { maxReplica: 4 }\n`);

/** The command in a process of its own, as a shell would run it. */
function validate(args: readonly string[], input = "") {
  const script = `import { validateCommand } from "./services/cli/validate.ts"; await validateCommand().parseAsync();`;
  const argv = ["--input-type=module", "--eval", script, "--", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: root, input, encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("productmatcher validate", () => {
  it("has a friendly line for each valid pipeline; exit 0", () => {
    const { status, stdout } = validate(["-f", "examples/minimal.yaml", "-f", "examples/storefront.yaml"]);
    expect(stdout).toBe(
      "examples/minimal.yaml  minimal is valid\nexamples/storefront.yaml  shop/storefront is valid\n",
    );
    expect(status).toBe(0);
  });

  it("prints every fault with file and line; exit 1", () => {
    const { status, stdout } = validate(["-f", mistyped, "-f", "examples/minimal.yaml"]);
    const line = minimal.split("\n").length + 1;
    expect(stdout.split("\n")).toEqual([
      `${mistyped}:${line}  spec.serving.autoscaling.maxReplicas: is required: expected a whole number`,
      `${mistyped}:${line}  spec.serving.autoscaling.maxReplica: unknown field; did you mean maxReplicas?`,
      "examples/minimal.yaml  minimal is valid",
      "2 faults found",
      "",
    ]);
    expect(status).toBe(1);
  });

  it("reads standard input and speaks JSON", () => {
    const { status, stdout } = validate(["-f", "-", "--json"], `${minimal}  pause: true\n`);
    expect(JSON.parse(stdout)).toMatchObject({
      pipelines: [],
      faults: [{ source: "standard input", document: 1, path: "spec.pause", suggestion: "paused" }],
    });
    expect(status).toBe(1);
  });

  it("asks for a file where none is named, instead of finding nothing at fault", () => {
    const { status, stdout, stderr } = validate([]);
    expect(stderr).toContain("required option '-f, --file <file>' not specified");
    expect(stdout).toBe("");
    expect(status).toBe(1);
  });

  it("says which file cannot be read, after the faults of others; exit 2", () => {
    const { status, stdout, stderr } = validate(["-f", join(folder, "absent.yaml"), "-f", mistyped]);
    expect(stderr).toContain("absent.yaml cannot be read: ENOENT");
    expect(stdout).toContain("2 faults found");
    expect(status).toBe(2);
  });
});
