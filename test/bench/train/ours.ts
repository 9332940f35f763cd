/**
 * A program: `node ours.ts TRAIN TEST PASSES FACTORS...` fits item neighbours with 1,000 neighbours, and ALS with each
 * number of factors, and has them answer every user of the test part. Prints `Ours` as one line of JSON.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settleProcess } from "../../../services/cli/process-settings.ts";
import { openClickHouse } from "../../../services/clickhouse/index.ts";
import type { Algorithm, FitContext } from "../../../services/trainer/algorithms/algorithm.ts";
import { RANKED_COLUMNS } from "../../../services/trainer/algorithms/algorithm.ts";
import { factorisation } from "../../../services/trainer/algorithms/factorisation/index.ts";
import { itemNeighbours, REFERENCE_NEIGHBOURS } from "../../../services/trainer/algorithms/item-neighbours/index.ts";
import { openFile } from "../../../services/trainer/evaluation/file.ts";
import { loadFile, UNNAMED_EVENT } from "../../../services/trainer/evaluation/load.ts";
import { createInteractions, DEFAULT_HISTORY_ITEMS } from "../../../services/trainer/interactions.ts";
import { actorCases, type JudgedCases } from "../../../services/trainer/judging/cases.ts";
import { measure } from "../../../services/trainer/judging/metrics.ts";
import { createMatrix } from "../../../services/trainer/matrix.ts";
import { runName, withWorkTables } from "../../../services/trainer/work-tables.ts";
import { denseLoop } from "./dense-loop.ts";
import { type Problem, passOperations } from "./operations.ts";
import type { Measured } from "./peer.ts";
import { type Took, took } from "./programs.ts";

export interface Ours {
  /** From the loaded file to the matrix, which every algorithm begins from. */
  readonly preparation: Took;
  /** By `neighbours` and `factors<number>`. */
  readonly measured: Readonly<Record<string, Measured>>;
  /** Of ALS, by number of factors: operations a second of processor time. */
  readonly operationsPerCpuSecond: Readonly<Record<string, number>>;
  /** Of a plain dense loop in TypeScript. */
  readonly denseLoopOperationsPerSecond: number;
}

const LENGTH = 20;

settleProcess();
const [trainFile = "", testFile = "", passes = "", ...sizes] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "productmatcher-bench-train-"));
const clickhouse = await openClickHouse({ kind: "embedded", path: folder }, "bench");
const run = { name: runName(Date.now()), now: Date.now() };
const ours = await withWorkTables(clickhouse, { database: "bench" }, run, async (work): Promise<Ours> => {
  const reading = { fields: {}, eventNames: {} };
  const load = async (name: string, path: string) =>
    (await loadFile(work, name, await openFile(clickhouse, path), reading, { time: false })).table;
  const [activity, test] = [await load("train", trainFile), await load("test", testFile)];
  const weighting = { weights: { [UNNAMED_EVENT]: 1 }, halfLifeDays: null, historyItems: DEFAULT_HISTORY_ITEMS };
  const window = { watermark: 0, before: null };
  const { result: matrix, ...preparation } = await took(async () =>
    createMatrix(work, "bench", await createInteractions(work, "interactions", activity, weighting, window)),
  );
  const cases = await actorCases(work, "bench", matrix, test, { withoutHistory: true, limit: null });
  const context: FitContext = { work, name: "fit", activity, weighting, window, matrix, onProgress: () => {} };
  const measured: Record<string, Measured> = { neighbours: await fitted(context, neighbours(), cases) };
  const operationsPerCpuSecond: Record<string, number> = {};
  const problem: Problem = { rows: matrix.actorCount, columns: matrix.itemCount, entries: matrix.entryCount };
  for (const size of sizes) {
    const als = factorisation({ factors: Number(size), passes: Number(passes) });
    const one = await fitted({ ...context, name: `fit${size}` }, als, cases);
    measured[`factors${size}`] = one;
    operationsPerCpuSecond[size] = passOperations(problem, Number(size)) / one.pass.cpuSeconds;
  }
  return { preparation, measured, operationsPerCpuSecond, denseLoopOperationsPerSecond: denseLoop() };
});
await clickhouse.close();
await rm(folder, { recursive: true, force: true });
console.log(JSON.stringify(ours));

function neighbours(): Algorithm {
  return itemNeighbours({ neighbours: REFERENCE_NEIGHBOURS });
}

async function fitted(context: FitContext, algorithm: Algorithm, cases: JudgedCases): Promise<Measured> {
  const { work, name, matrix } = context;
  const marks: Took[] = [];
  const onProgress = () => marks.push(mark());
  const { result: model, ...fit } = await took(() => algorithm.fit({ ...context, onProgress }));
  const ranked = await work.create({ name: `${name}_ranked`, columns: RANKED_COLUMNS, orderBy: "case" });
  const { result: _, ...top } = await took(() => model.rank(cases, ranked, LENGTH));
  await model.close?.();
  const metrics = await measure(work, cases.table, ranked, matrix.items, [LENGTH]);
  return { fit, pass: between(marks), top, recall: metrics[`recall@${LENGTH}`] ?? 0 };
}

function mark(): Took {
  const { user, system } = process.cpuUsage();
  return { seconds: performance.now() / 1_000, cpuSeconds: (user + system) / 1e6 };
}

/** The mean step; the first is not known. */
function between(marks: readonly Took[]): Took {
  const [first, last] = [marks[0] ?? mark(), marks.at(-1) ?? mark()];
  const steps = marks.length - 1;
  return {
    seconds: (last.seconds - first.seconds) / steps,
    cpuSeconds: (last.cpuSeconds - first.cpuSeconds) / steps,
  };
}
