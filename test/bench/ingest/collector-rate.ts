/** The collector, on a real broker, against a bare Express route that parses the same bodies and answers 200. */
import type { HttpLoad, HttpLoadResult } from "../http-load.ts";
import { underLoad } from "../load.ts";
import { median, type Row } from "../row.ts";
import { shopActivity, take } from "./activity.ts";
import { batchBody, trackBody } from "./bodies.ts";
import { cpuSeconds, MEASURED_CORES, OTHER_CORES, pidOf, pin } from "./processes.ts";
import { startProgram } from "./programs.ts";
import type { Rig } from "./rig.ts";

const CONNECTIONS = 50;
const WARM_UP_SECONDS = 2;
/** Different bodies, sent in turn. */
const BODIES = 100;
const EVENTS_PER_BATCH = 20;
const TARGET = 0.5;

export interface CollectorBenchOptions {
  /** Each loads both servers once, in turn. */
  readonly rounds: number;
  /** Of load on one server in one round. */
  readonly seconds: number;
}

type Kind = "track" | "batch";
type Measured = HttpLoadResult & { readonly cpuMicroseconds: number };

/** The pinned server of the moment. */
interface Server {
  readonly url: string;
  readonly pid: number;
}

export async function benchCollector(rig: Rig, { rounds, seconds }: CollectorBenchOptions): Promise<Row[]> {
  const pipeline = await rig.pipeline("collector");
  const collector = pipeline.role("collector");
  const bare = await startProgram("bare-express.ts", [], MEASURED_CORES);
  try {
    await pin(pidOf(collector.child), MEASURED_CORES);
    const servers: Record<"own" | "bare", Server> = {
      own: { url: await collector.address, pid: pidOf(collector.child) },
      bare: { url: await bare.firstLine, pid: bare.pid },
    };
    const rows: Row[] = [];
    for (const kind of ["track", "batch"] as const) {
      const own: Measured[] = [];
      const baseline: Measured[] = [];
      for (const server of [servers.bare, servers.own]) await measure(server, kind, WARM_UP_SECONDS);
      for (let round = 0; round < rounds; round += 1) {
        baseline.push(await measure(servers.bare, kind, seconds));
        own.push(await measure(servers.own, kind, seconds));
      }
      rows.push(...rowsOf(kind, own, baseline));
    }
    return rows;
  } finally {
    bare.end();
    await collector.stop();
    await pipeline.remove();
  }
}

/** Medians over the rounds; ratios are taken within each round first. */
function rowsOf(kind: Kind, own: readonly Measured[], bare: readonly Measured[]): Row[] {
  const events = kind === "batch" ? ` of ${EVENTS_PER_BATCH} events` : "";
  const name = `/v1/${kind}${events}, ${CONNECTIONS} connections`;
  const of = (results: readonly Measured[], figure: (result: Measured) => number) => median(results.map(figure));
  const ratio = (figure: (result: Measured) => number) =>
    median(own.map((result, round) => figure(result) / figure(bare[round] ?? result)));
  return [
    {
      name: `bare Express, ${name}`,
      value: of(bare, ({ requestsPerSecond }) => requestsPerSecond),
      unit: "requests/s",
    },
    { name: `bare Express, ${name}: p99`, value: of(bare, ({ p99 }) => p99), unit: "ms" },
    {
      name: `bare Express, ${name}: CPU time`,
      value: of(bare, (result) => result.cpuMicroseconds),
      unit: "µs/request",
    },
    {
      name: `collector, ${name}`,
      value: of(own, ({ requestsPerSecond }) => requestsPerSecond),
      unit: "requests/s",
      ratio: ratio(({ requestsPerSecond }) => requestsPerSecond),
      target: TARGET,
    },
    { name: `collector, ${name}: p99`, value: of(own, ({ p99 }) => p99), unit: "ms", ratio: ratio(({ p99 }) => p99) },
    {
      name: `collector, ${name}: CPU time`,
      value: of(own, (result) => result.cpuMicroseconds),
      unit: "µs/request",
      ratio: ratio((result) => result.cpuMicroseconds),
    },
  ];
}

async function measure({ url, pid }: Server, kind: Kind, seconds: number): Promise<Measured> {
  const events = shopActivity(2);
  const load: HttpLoad = {
    url,
    paths: [`/v1/${kind}`],
    connections: CONNECTIONS,
    seconds,
    bodies: Array.from({ length: BODIES }, () =>
      kind === "track" ? trackBody(take(events, 1)) : batchBody(take(events, EVENTS_PER_BATCH)),
    ),
  };
  const before = cpuSeconds(pid);
  const result = await underLoad(load, (loader) => pin(loader, OTHER_CORES));
  return { ...result, cpuMicroseconds: ((cpuSeconds(pid) - before) * 1e6) / result.requests };
}
