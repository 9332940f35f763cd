/** The committed rules, by promtool: that Prometheus takes them, and what they say of series that the test makes up. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { RULES } from "../../dashboards/generate.ts";
import { ALERT_NAMES } from "../../dashboards/rules/index.ts";
import { describePrometheus } from "./install.ts";

const run = promisify(execFile);
const committed = fileURLToPath(new URL(`../../${RULES}`, import.meta.url));

const made = fileURLToPath(new URL("rules.test.yaml", import.meta.url));

describePrometheus("promtool", () => {
  test("finds the rules right", async () => {
    const { stdout } = await run("promtool", ["check", "rules", committed]);
    expect(stdout).toMatch(/SUCCESS: [3-9]\d rules found/);
  });

  test("is asked about every alert", () => {
    const { tests } = parse(readFileSync(made, "utf8")) as { tests: { alert_rule_test?: { alertname: string }[] }[] };
    const asked = tests.flatMap(({ alert_rule_test = [] }) => alert_rule_test.map(({ alertname }) => alertname));
    expect([...new Set(asked)].toSorted()).toEqual(ALERT_NAMES.toSorted());
  });

  test("finds that they judge as they should", async () => {
    const folder = mkdtempSync(join(tmpdir(), "productmatcher-rules-"));
    copyFileSync(committed, join(folder, "rules.yaml"));
    copyFileSync(made, join(folder, "tests.yaml"));
    const { stdout } = await run("promtool", ["test", "rules", join(folder, "tests.yaml")], { timeout: 290_000 }).catch(
      (error: { stdout: string; stderr: string }) => ({ stdout: `${error.stdout}${error.stderr}` }),
    );
    rmSync(folder, { recursive: true });
    expect(stdout).toMatch(/SUCCESS/);
    expect(stdout).not.toMatch(/FAILED/);
  }, 300_000);
});
