/** A program: `node one-algorithm.ts ALGORITHM TRAIN TEST` evaluates it. Prints `OneAlgorithm` as JSON. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settleProcess } from "../../../services/cli/process-settings.ts";
import { openClickHouse } from "../../../services/clickhouse/index.ts";
import { createAlgorithms, evaluate, REFERENCE_NEIGHBOURS } from "../../../services/trainer/index.ts";
import { took } from "./programs.ts";

export interface OneAlgorithm {
  /** Absent where the algorithm cannot be judged on this split. */
  readonly result?: { readonly recall: number; readonly ndcg: number; readonly fitSeconds: number };
  /** Loading and judging included. */
  readonly cpuSeconds: number;
  /** Of the whole process, the engine included. */
  readonly peakBytes: number;
}

/** What hybrid ranks the candidates of. */
const COMPONENTS = ["itemNeighbours", "factorisation"];

settleProcess();
const [name = "", train = "", test = ""] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "productmatcher-bench-algorithm-"));
const clickhouse = await openClickHouse({ kind: "embedded", path: folder }, "bench");
const names = name === "hybrid" ? [...COMPONENTS, name] : [name];
const { result: report, cpuSeconds } = await took(() =>
  evaluate(clickhouse, {
    files: { train, test },
    reading: { fields: {}, eventNames: {} },
    holdout: { share: 0.1 },
    algorithms: createAlgorithms(names, { itemNeighbours: { neighbours: REFERENCE_NEIGHBOURS } }),
    cutoffs: [20],
    weights: {},
    halfLifeDays: null,
    now: Date.now,
  }),
);
await clickhouse.close();
await rm(folder, { recursive: true, force: true });
const found = report.results.find(({ algorithm }) => algorithm === name);
const result = found && {
  recall: found.metrics["recall@20"] ?? 0,
  ndcg: found.metrics["ndcg@20"] ?? 0,
  fitSeconds: found.fitSeconds,
};
const one = { result, cpuSeconds, peakBytes: process.resourceUsage().maxRSS * 1024 };
console.log(JSON.stringify(one));
