/** The whole path of a replay against inserting the same prepared rows straight into ClickHouse, in the same run. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { median, type Row } from "./row.ts";

const run = promisify(execFile);
const CLI = "services/cli/main.ts";
const LARGE_OUTPUT = { maxBuffer: 64 * 1_048_576 };
const MEGABYTE = 1_048_576;

export interface IngestionBenchOptions {
  readonly events: number;
  /** Each measures both once, in turn. */
  readonly rounds: number;
  /** Of the runs whose memory is compared. */
  readonly memoryEvents: readonly number[];
}

interface Measured {
  readonly eventsPerSecond: number;
  readonly peakBytes: number;
}

/** Every measurement is a process of its own: the embedded engine binds one folder for the life of a process. */
export async function benchIngestion({ events, rounds, memoryEvents }: IngestionBenchOptions): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "productmatcher-bench-"));
  try {
    const file = await simulate(folder, events);
    const direct: Measured[] = [];
    const replayed: Measured[] = [];
    for (let round = 0; round < rounds; round += 1) {
      direct.push(await measure("insert-rows.ts", file, join(folder, `direct-${round}`)));
      replayed.push(await measure("replay-file.ts", file, join(folder, `replay-${round}`)));
    }
    const ratios = replayed.map((own, round) => own.eventsPerSecond / (direct[round]?.eventsPerSecond ?? Number.NaN));
    const rows: Row[] = [
      { name: "prepared rows straight into ClickHouse", value: median(rates(direct)), unit: "events/s" },
      {
        name: "replay: file, log, consumer, tables",
        value: median(rates(replayed)),
        unit: "events/s",
        ratio: median(ratios),
        target: 0.15,
      },
    ];
    for (const size of memoryEvents) {
      const { peakBytes } = await measure("replay-file.ts", await simulate(folder, size), join(folder, `m-${size}`));
      rows.push({ name: `peak memory, replay of ${size} events`, value: peakBytes / MEGABYTE, unit: "MiB" });
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function simulate(folder: string, events: number): Promise<string> {
  const file = join(folder, `activity-${events}.jsonl`);
  await run(process.execPath, [CLI, "simulate", "--events", String(events), "--out", file]);
  return file;
}

async function measure(program: string, file: string, dataDir: string): Promise<Measured> {
  const script = join(import.meta.dirname, program);
  const { stdout } = await run(process.execPath, [script, file, dataDir], LARGE_OUTPUT);
  await rm(dataDir, { recursive: true, force: true });
  return JSON.parse(stdout) as Measured;
}

const rates = (measured: readonly Measured[]) => measured.map((entry) => entry.eventsPerSecond);
