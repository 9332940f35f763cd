/** Algorithms compared on a data set that a person has. */
import type { ClickHouse } from "../../clickhouse/index.ts";
import { describeActivity } from "../activity.ts";
import type { Algorithm, FittedModel, Parameters } from "../algorithms/algorithm.ts";
import { createContexts } from "../contexts.ts";
import { createInteractions, DEFAULT_HISTORY_ITEMS } from "../interactions.ts";
import { type Interval, type Lift, meanInterval, pairedLift } from "../judging/bootstrap.ts";
import { actorCases, caseActors, type JudgedCases, sessionCases } from "../judging/cases.ts";
import type { Cohort } from "../judging/cohorts.ts";
import { judge } from "../judging/judge.ts";
import type { Metrics } from "../judging/metrics.ts";
import { createMatrix, type Matrix } from "../matrix.ts";
import { runName, type WorkTables, withWorkTables } from "../work-tables.ts";
import { createCatalogue } from "./catalogue.ts";
import { DataSetError } from "./fault.ts";
import { type FileFormat, openFile } from "./file.ts";
import type { DataSetFiles } from "./layouts.ts";
import { type LoadedFile, loadFile, quoted, type Reading, UNNAMED_EVENT } from "./load.ts";
import { coreOf, countOf, type Holdout, splitByTime, splitLast } from "./split.ts";
import { type Tuned, tuneAll } from "./tune-all.ts";

export const PROTOCOLS = ["user", "session", "time"] as const;

/** How held-out events become questions: docs/evaluate.md. */
export type Protocol = (typeof PROTOCOLS)[number];

export interface EvaluationOptions {
  readonly files: DataSetFiles;
  readonly format?: FileFormat;
  readonly reading: Reading;
  /** By what the files are when absent. */
  readonly protocol?: Protocol;
  /** For one file: what of it is held out. */
  readonly holdout: Holdout;
  /** For one file: before that it is reduced to users of so many items, and items of so many users. */
  readonly core?: number;
  readonly algorithms: readonly Algorithm[];
  /** Ascending. */
  readonly cutoffs: readonly number[];
  readonly weights: Readonly<Record<string, number>>;
  /** Of files with times; `null`: no decay. */
  readonly halfLifeDays: number | null;
  /** Searches better parameters first, on the train part alone. */
  readonly tuning?: {
    readonly trials: number;
    /** `algorithms` with these parameters, by name, in place of their own. */
    readonly tuned: (parameters: Readonly<Record<string, Parameters>>) => readonly Algorithm[];
  };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onProgress?: (done: number, total: number, step: string) => void;
}

export interface AlgorithmResult {
  readonly algorithm: string;
  readonly metrics: Metrics;
  /** Whether its NDCG at the largest cutoff is the highest. */
  readonly best: boolean;
  /** Of that NDCG over the best algorithm's; `null` for the best itself, and where the best found nothing. */
  readonly lift: Lift | null;
  /** Of that NDCG itself. */
  readonly interval: Interval;
  readonly cohorts: readonly Cohort[];
  /** From the loaded events to the fitted model. */
  readonly fitSeconds: number;
}

export interface EvaluationReport {
  readonly protocol: Protocol;
  /** That were fitted on; those of the files, less what has no weight. */
  readonly train: { readonly events: number; readonly users: number; readonly items: number };
  /** `cases`: lists that were judged, one a user but for the session protocol. */
  readonly test: { readonly users: number; readonly cases: number };
  readonly results: readonly AlgorithmResult[];
  /** What the search found, in the order of the algorithms; empty without one. */
  readonly tuned: readonly Tuned[];
  readonly notices: readonly string[];
}

/**
 * Fits each algorithm on the train part and judges it on the test part, in work tables of `clickhouse` that are dropped
 * in the end.
 *
 * @throws DataSetError @throws ClickHouseError
 */
export function evaluate(clickhouse: ClickHouse, options: EvaluationOptions): Promise<EvaluationReport> {
  const { now } = options;
  const run = { name: runName(now()), now: now() };
  return withWorkTables(clickhouse, { database: clickhouse.database }, run, async (work) => {
    const total = 2 + 2 * options.algorithms.length + (options.tuning === undefined ? 0 : options.algorithms.length);
    const step = (done: number, label: string) => options.onProgress?.(done, total, label);
    step(0, "reading");
    const weights = { [UNNAMED_EVENT]: 1, ...options.weights };
    const weighted = Object.entries(weights).flatMap(([event, weight]) => (weight > 0 ? [event] : []));
    const data = await loadDataSet(work, options, weighted);
    const notices = [...data.notices];
    step(1, "weighing");
    const began = now();
    const weighting = {
      weights,
      halfLifeDays: data.train.hasTime ? options.halfLifeDays : null,
      historyItems: DEFAULT_HISTORY_ITEMS,
    };
    const activity = await describeActivity(work, data.train.table, weighted);
    notices.push(...(await unweighted(work, data.train.table, weighted)));
    if (activity.watermark === null) {
      throw new DataSetError("no_events", `no event of the train part has a weight: ${notices.join("; ")}`);
    }
    const window = { watermark: activity.watermark, before: null };
    const interactions = await createInteractions(work, "interactions", data.train.table, weighting, window);
    const matrix = await createMatrix(work, "train", interactions, data.catalogue);
    const preparation = (now() - began) / 1000;
    const cases = await createCases(work, data, matrix, weighted);
    if (cases.count === 0) {
      throw new DataSetError(
        "nothing_to_judge",
        `${data.protocol} protocol: ${nothingToJudge(data.protocol, options.holdout)}`,
      );
    }
    const searched = options.algorithms.filter(({ needsTime }) => data.train.hasTime || !needsTime);
    const tuned = await tuneAll(work, options, searched, {
      activity: data.train.table,
      boundary: activity.watermark + 1,
      weighting,
      sessions: data.protocol === "session",
      onProgress: (done, name) => step(2 + done, `tuning ${name}`),
    });
    const found = Object.fromEntries(tuned.map(({ algorithm, parameters }) => [algorithm, parameters]));
    const algorithms = options.tuning?.tuned(found) ?? options.algorithms;
    const judged: Judged[] = [];
    const models = new Map<Algorithm, FittedModel>();
    const fitAndJudge = async (algorithm: Algorithm, index: number): Promise<void> => {
      const done = total - 2 * (algorithms.length - index);
      if (algorithm.needsTime && !data.train.hasTime) {
        notices.push(`${algorithm.name} needs to know when events happened and was skipped`);
        return;
      }
      if (algorithm.needsCatalogue && matrix.catalogue === null) {
        notices.push(`${algorithm.name} needs to know what items are, such as their names, and was skipped`);
        return;
      }
      step(done, `fitting ${algorithm.name}`);
      const fitBegan = now();
      const model = await algorithm.fit({
        work,
        name: algorithm.name,
        activity: data.train.table,
        weighting,
        window,
        matrix,
        asked: data.protocol === "time" ? "later" : "next",
        fitted: (other) => models.get(other),
        onProgress: (share) => step(done + share, `fitting ${algorithm.name}`),
      });
      models.set(algorithm, model);
      const fitSeconds = preparation + (now() - fitBegan) / 1000;
      step(done + 1, `judging ${algorithm.name}`);
      const judgement = await judge(work, algorithm.name, matrix, model, cases, options.cutoffs);
      const { metrics } = judgement;
      const [values, cohorts] = [await judgement.values(), await judgement.cohorts()];
      judged.push({ algorithm: algorithm.name, metrics, cohorts, values, fitSeconds });
    };
    try {
      for (const [index, algorithm] of algorithms.entries()) await fitAndJudge(algorithm, index);
    } finally {
      for (const model of models.values()) await model.close?.();
    }
    step(total, "done");
    return {
      protocol: data.protocol,
      train: { events: activity.events, users: matrix.actorCount, items: matrix.touchedCount },
      test: { users: cases.actors, cases: cases.count },
      results: compared(judged, await caseActors(work, cases)),
      tuned,
      notices,
    };
  });
}

interface Judged extends Pick<AlgorithmResult, "algorithm" | "metrics" | "cohorts" | "fitSeconds"> {
  /** By case. */
  readonly values: Float64Array;
}

function compared(judged: readonly Judged[], actors: Uint32Array): AlgorithmResult[] {
  const mean = ({ values }: Judged) => values.reduce((sum, value) => sum + value, 0);
  const best = judged.reduce<Judged | undefined>((a, b) => (a === undefined || mean(b) > mean(a) ? b : a), undefined);
  return judged.map((one) => {
    const { values, ...rest } = one;
    const lift = best === undefined || one === best ? null : pairedLift(values, best.values, actors);
    return { ...rest, best: one === best, lift, interval: meanInterval(values, actors) };
  });
}

interface DataSet {
  readonly protocol: Protocol;
  readonly train: LoadedFile;
  /** Table of CATALOGUE_COLUMNS, of the items of all files. */
  readonly catalogue: string | null;
  /** Table of ACTIVITY_COLUMNS and position. */
  readonly test: string;
  readonly testHasEvent: boolean;
  readonly notices: readonly string[];
}

async function loadDataSet(
  work: WorkTables,
  options: EvaluationOptions,
  weighted: readonly string[],
): Promise<DataSet> {
  const { files, reading, format, protocol, core, holdout } = options;
  if ("data" in files) return loadOneFile(work, files.data, options, weighted);
  if (holdout === "last") {
    throw new DataSetError("option_invalid", "--holdout last is for one file: these are split already");
  }
  if (core !== undefined) {
    throw new DataSetError(
      "option_invalid",
      "--core is for one file: of a data set that is split, it would change a part",
    );
  }
  const needs = { time: protocol === "session" || protocol === "time" };
  const train = await loadFile(work, "data", await openFile(work.clickhouse, files.train, format), reading, {
    time: protocol === "time",
  });
  const sameColumns = { ...reading, fields: reading.fields };
  const test = await loadFile(work, "test", await openFile(work.clickhouse, files.test, format), sameColumns, needs);
  return {
    protocol: protocol ?? (test.bySession && test.hasTime ? "session" : "user"),
    train,
    catalogue: await createCatalogue(work, [train, test]),
    test: test.table,
    testHasEvent: test.hasEvent,
    notices: [...skippedNotice(files.train, train), ...skippedNotice(files.test, test)],
  };
}

async function loadOneFile(
  work: WorkTables,
  path: string,
  { reading, format, protocol, holdout, core }: EvaluationOptions,
  weighted: readonly string[],
): Promise<DataSet> {
  const allowed: readonly (Protocol | undefined)[] =
    holdout === "last" ? [undefined, "user"] : [undefined, "session", "time"];
  if (!allowed.includes(protocol)) {
    throw new DataSetError(
      "option_invalid",
      holdout === "last"
        ? `--protocol ${protocol} goes by time, --holdout last does not: leave one of them away`
        : "--protocol user needs --train and --test, or --holdout last; one file goes by time",
    );
  }
  const whole = await loadFile(work, "data", await openFile(work.clickhouse, path, format), reading, {
    time: holdout !== "last",
  });
  const counted = whole.hasEvent ? isOneOf(weighted) : "true";
  const table = core === undefined ? whole.table : await coreOf(work, whole.table, counted, core);
  const notices = skippedNotice(path, whole);
  if (core !== undefined) {
    const [left, all] = [await countOf(work, table), await countOf(work, whole.table)];
    if (left === 0) {
      const others = await unweighted(work, whole.table, weighted);
      throw new DataSetError("no_events", [`${path}: nothing is left of it with --core ${core}`, ...others].join("; "));
    }
    notices.push(`--core ${core} leaves ${left.toLocaleString("en-US")} of ${all.toLocaleString("en-US")} events`);
  }
  if (holdout === "last") notices.push("held out: each user's last item");
  const chosen = protocol ?? (holdout === "last" ? "user" : "time");
  const { train, test } =
    holdout === "last"
      ? await splitLast(work, table, counted)
      : await splitByTime(work, table, holdout, chosen === "session");
  return {
    protocol: chosen,
    train: { ...whole, table: train },
    catalogue: await createCatalogue(work, [whole], core === undefined ? undefined : table),
    test,
    testHasEvent: whole.hasEvent,
    notices,
  };
}

function isOneOf(events: readonly string[]): string {
  return `event IN (${events.map(quoted).join(", ")})`;
}

async function createCases(
  work: WorkTables,
  data: DataSet,
  matrix: Matrix,
  weighted: readonly string[],
): Promise<JudgedCases> {
  const events = data.testHasEvent ? `(SELECT * FROM ${data.test} WHERE ${isOneOf(weighted)})` : data.test;
  const cases =
    data.protocol === "session"
      ? await sessionCases(work, "test", matrix, events)
      : await actorCases(work, "test", matrix, events, { withoutHistory: data.protocol === "user", limit: null });
  if (!data.train.hasTime) return cases;
  return { ...cases, contexts: await createContexts(work, "test", cases.table, events) };
}

function skippedNotice(path: string, file: LoadedFile): string[] {
  if (file.skipped === 0) return [];
  return [
    `${path}: ${file.skipped.toLocaleString("en-US")} of ${file.rows.toLocaleString("en-US")} rows have no user or no item and were left out`,
  ];
}

async function unweighted(work: WorkTables, table: string, weighted: readonly string[]): Promise<string[]> {
  const rows = await work.clickhouse.query<{ event: string; events: string }>(
    `SELECT event, count() AS events FROM ${table} WHERE event NOT IN {counted:Array(String)}
     GROUP BY event ORDER BY count() DESC, event LIMIT 5`,
    { counted: [...weighted, "refund"] },
  );
  return rows.map(
    ({ event, events }) => `events ${event} (${events}) have no weight: give one with --weight ${event}=1`,
  );
}

function nothingToJudge(protocol: Protocol, holdout: Holdout): string {
  if (holdout === "last")
    return "no user has two items, the last of which could be held out; is the column of users right?";
  if (protocol === "session") return "no session of the test part has two events";
  if (protocol === "time")
    return "nobody who was active before the holdout touched a new item in it; hold out more with --holdout";
  return "no user of the test part has an item that it did not have in the train part";
}
