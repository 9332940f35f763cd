/**
 * A real Prometheus that scrapes what a test runs, once a second, and judges by the product's rules. Their windows can be
 * shortened: a test does not wait for days.
 *
 *     const prometheus = await startPrometheus({ duration: durations(60) });
 *     prometheus.scrape([await consumer.operations]);
 *     await prometheus.query("up");
 *     await prometheus.stop();
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { type Duration, durations, ruleGroups } from "../../dashboards/rules/index.ts";

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface FiringAlert {
  readonly name: string;
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
}

export interface TestPrometheus {
  /** In place of what was scraped before; addresses as `http://127.0.0.1:9090`. */
  scrape(addresses: readonly string[]): void;
  query(expr: string): Promise<Sample[]>;
  /** At the moment. */
  alerts(): Promise<FiringAlert[]>;
  stop(): Promise<void>;
}

const START_LOOKS = 100;

/** @param options `duration`: how long the windows of rules are; as they are when absent */
export async function startPrometheus({
  duration = durations(),
}: {
  readonly duration?: Duration;
} = {}): Promise<TestPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-prometheus-"));
  const targets = join(folder, "targets.json");
  const scrape = (addresses: readonly string[]) => {
    writeFileSync(`${targets}.new`, JSON.stringify([{ targets: addresses.map((address) => new URL(address).host) }]));
    renameSync(`${targets}.new`, targets);
  };
  scrape([]);
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "rules.yaml"), stringify({ groups: ruleGroups(duration) }));
  writeFileSync(join(folder, "prometheus.yaml"), stringify(configuration(targets)));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child: ChildProcess = spawn(
    "prometheus",
    [
      ...[`--config.file=${join(folder, "prometheus.yaml")}`, `--storage.tsdb.path=${join(folder, "data")}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, "--log.level=error"],
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const ask = async <Data>(path: string): Promise<Data> => {
    const response = await fetch(`${url}${path}`);
    const body = (await response.json()) as { status: string; data: Data; error?: string };
    if (body.status !== "success") throw new Error(`${path}: ${body.error}`);
    return body.data;
  };
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (let look = 0; !(await isReady()); look += 1) {
    if (look === START_LOOKS || child.exitCode !== null) throw new Error("Prometheus does not start");
    await sleep(100);
  }
  return {
    scrape,
    async query(expr) {
      const path = `/api/v1/query?query=${encodeURIComponent(expr)}`;
      const { result } = await ask<{ result: { metric: Sample["metric"]; value: [number, string] }[] }>(path);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async alerts() {
      const { alerts } = await ask<{ alerts: { labels: Record<string, string>; state: FiringAlert["state"] }[] }>(
        "/api/v1/alerts",
      );
      return alerts.map(({ labels, state }) => ({ name: labels.alertname ?? "", state, labels }));
    },
    async stop() {
      child.kill("SIGTERM");
      await exited;
      process.removeListener("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(targets: string) {
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yaml"],
    scrape_configs: [
      {
        job_name: "productmatcher",
        honor_labels: true,
        file_sd_configs: [{ files: [targets], refresh_interval: "1s" }],
      },
    ],
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
