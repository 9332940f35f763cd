/**
 * A whole training run on much activity: the role as a process of its own, ClickHouse as another one behind HTTP, so that
 * what the trainer holds is apart from what the engine does. Each statement of the run has a limit, beyond which it fails.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stringify } from "yaml";
import { migrate, openClickHouse } from "../../../services/clickhouse/index.ts";
import type { TrainingResult } from "../../../services/trainer/index.ts";
import { STATEMENT_BYTES } from "../../../services/trainer/work-tables.ts";
import { startFrontProcess } from "../../kafka/front-process.ts";
import { peakResidentBytes, pidOf } from "../ingest/processes.ts";
import type { Row } from "../row.ts";
import { SIMULATED_ACTIVITY } from "./activity.ts";

const MEGABYTE = 1_000_000;
const MOST_MEGABYTES = 1_000;
const LOOK_MILLISECONDS = 200;
const CREDENTIALS = { username: "shop", password: "shop's password" };
const DATABASE = "train_memory";
const INSERT_SECONDS = 3_600;

/** @throws Error when an algorithm fails, as it does when a statement needs more than its limit */
export async function benchMemory(events: number, algorithms: readonly string[]): Promise<Row[]> {
  const front = await startFrontProcess({ credentials: CREDENTIALS });
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-bench-memory-"));
  try {
    await fill(front.url, events);
    const began = performance.now();
    const { result, peak } = await trained(folder, front.url, algorithms);
    const failed = result.versions.filter(({ status }) => status === "failed");
    if (failed.length > 0) throw new Error(failed.map(({ algorithm, reason }) => `${algorithm}: ${reason}`).join("\n"));
    const minutes = (performance.now() - began) / 60_000;
    const own = `${events} events: the trainer's own memory at most`;
    return [
      { name: own, value: peak / MEGABYTE, unit: "MB", most: MOST_MEGABYTES },
      { name: "the limit of a statement, which none reached", value: STATEMENT_BYTES / MEGABYTE, unit: "MB" },
      { name: "ClickHouse's process at most", value: peakResidentBytes(front.pid()) / MEGABYTE, unit: "MB" },
      { name: `the run: popular, trending, ${algorithms.join(", ")}`, value: minutes, unit: "min" },
    ];
  } finally {
    await front.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(url: string, events: number): Promise<void> {
  const target = { kind: "server", url, ...CREDENTIALS } as const;
  const clickhouse = await openClickHouse(target, DATABASE, { timeoutSeconds: INSERT_SECONDS });
  await migrate(clickhouse, { database: DATABASE }, Date.now);
  await clickhouse.command(
    `INSERT INTO events (event_id, event, actor_id, user_id, session_id, item_id, occurred_at, quantity, topic)
     SELECT event_id, event, actor_id, actor_id, session_id, item_id, occurred_at, quantity, 'simulated' FROM (${SIMULATED_ACTIVITY})`,
    { events },
  );
  await clickhouse.close();
}

/** The role as a cluster runs it. @returns also its resident memory at most, in bytes */
async function trained(
  folder: string,
  url: string,
  algorithms: readonly string[],
): Promise<{ readonly result: TrainingResult; readonly peak: number }> {
  const secrets = join(folder, "secrets");
  mkdirSync(join(secrets, "clickhouse"), { recursive: true });
  for (const [key, value] of Object.entries(CREDENTIALS)) writeFileSync(join(secrets, "clickhouse", key), value);
  const file = join(folder, "pipeline.yaml");
  const clickhouse = { url, database: DATABASE, credentials: { secretRef: { name: "clickhouse" } } };
  writeFileSync(
    file,
    stringify({
      apiVersion: "productmatcher.dev/v1alpha1",
      kind: "RecommenderPipeline",
      metadata: { name: "memory", namespace: "bench" },
      spec: {
        source: { kafka: { bootstrapServers: ["127.0.0.1:9"] } },
        collector: {},
        sink: { clickhouse },
        training: { algorithms },
      },
    }),
  );
  const words = ["services/cli/main.ts", "train", "--file", file, "--secrets", secrets, "--json"];
  const child = spawn(process.execPath, words, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PRODUCTMATCHER_LOG: "warn" },
  });
  const pid = pidOf(child);
  let peak = 0;
  const look = setInterval(() => {
    peak = Math.max(peak, peakOf(pid));
  }, LOOK_MILLISECONDS);
  const said = await text(child.stdout).finally(() => clearInterval(look));
  if (said === "") throw new Error("the trainer ended without a result: what it said is above");
  return { result: JSON.parse(said) as TrainingResult, peak };
}

/** 0 for a process that has ended. */
function peakOf(pid: number): number {
  try {
    return peakResidentBytes(pid) || 0;
  } catch {
    return 0;
  }
}
