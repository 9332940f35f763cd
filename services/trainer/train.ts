import type { ClickHouse, Layout } from "../clickhouse/index.ts";
import { readContent } from "../clickhouse/model-checksum.ts";
import { type ModelStatus, type ModelVersion, pointAliases, recordVersion } from "../clickhouse/models.ts";
import { copyActivity, type TrainingActivity } from "./activity.ts";
import type { Algorithm, FittedModel } from "./algorithms/algorithm.ts";
import { ALGORITHMS, ALWAYS_TRAINED } from "./algorithms/index.ts";
import { createInteractions, DEFAULT_HISTORY_ITEMS, type Weighting } from "./interactions.ts";
import { actorCases, type JudgedCases } from "./judging/cases.ts";
import { holdoutBoundary } from "./judging/holdout.ts";
import { judge } from "./judging/judge.ts";
import { createMatrix, type Matrix } from "./matrix.ts";
import { pruneVersions, versionName } from "./versions.ts";
import { runName, type WorkTables, withWorkTables } from "./work-tables.ts";

/** `spec.training`, as far as the trainer reads it. */
export interface TrainingOptions {
  readonly lookbackDays: number;
  /** Below as many weighted events a run ends with NotEnoughData. */
  readonly minEvents: number;
  /** By event name, 0 to 1,000; events that are not named have no weight. */
  readonly weights: Readonly<Record<string, number>>;
  readonly halfLifeDays: number;
  /** Names that ProductMatcher does not have are skipped with a notice; popular and trending are always trained. */
  readonly algorithms: readonly string[];
  readonly evaluation: { readonly holdoutHours: number; readonly k: number };
  /** Published versions of each algorithm that stay. */
  readonly keepVersions: number;
}

export interface TrainingLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface TrainingProgress {
  readonly algorithm: string;
  readonly step: "fit" | "judge" | "refit" | "store";
  /** Of the whole run, 0 to 1. */
  readonly share: number;
}

export interface TrainingDependencies {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: TrainingLog;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Where the tables are; one server when absent. */
  readonly layout?: Layout;
  /** What there is to train; ALGORITHMS when absent. */
  readonly algorithms?: ReadonlyMap<string, Algorithm>;
}

export interface TrainedVersion {
  readonly version: string;
  readonly algorithm: string;
  readonly status: ModelStatus;
  readonly reason: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly fitSeconds: number;
}

export interface TrainingResult {
  /** Published: at least one version is. Failed: none is. NotEnoughData is no failure. */
  readonly result: "Published" | "NotEnoughData" | "Failed";
  readonly versions: readonly TrainedVersion[];
  /** Weighted events in the window. */
  readonly events: number;
  /** What a person should know: algorithms that were skipped, why there is too little data. */
  readonly notices: readonly string[];
  /** Older versions whose rows were dropped. */
  readonly pruned: readonly string[];
}

/** Of more actors in the holdout, as many are judged: the standard error of a figure is then at most 0.005. */
const JUDGED_ACTORS = 10_000;

/** The activity of one part of the window, ready to fit on. */
interface Prepared {
  readonly name: string;
  readonly activity: string;
  readonly window: { readonly watermark: number; readonly before: number | null };
  readonly matrix: Matrix;
  readonly seconds: number;
}

/**
 * Fits each algorithm on what came before the holdout, judges it there, fits it again on everything, and writes the
 * model under a new version. In the end all aliases move in one step, and older versions are pruned. One algorithm that
 * fails does not stop the others: its record says why.
 *
 * @throws ClickHouseError when the activity cannot be read or the registry not be written
 */
export function train(
  clickhouse: ClickHouse,
  training: TrainingOptions,
  dependencies: TrainingDependencies,
): Promise<TrainingResult> {
  const { now, log } = dependencies;
  const layout = dependencies.layout ?? { database: clickhouse.database };
  const run = runName(now());
  return withWorkTables(clickhouse, layout, { name: run, now: now() }, async (work) => {
    const { algorithms, notices } = chooseAlgorithms(training, dependencies.algorithms ?? ALGORITHMS);
    for (const notice of notices) log.info({ run }, notice);
    const activity = await copyActivity(work, training.weights, training.lookbackDays);
    const { events, watermark } = activity;
    if (watermark === null || events < training.minEvents) {
      const notice = `${events} events of ${Object.keys(training.weights).join(", ")} in the last ${training.lookbackDays} days, training begins at ${training.minEvents}`;
      log.info({ run, events }, notice);
      return { result: "NotEnoughData", versions: [], events, notices: [...notices, notice], pruned: [] };
    }
    const weighting = {
      weights: training.weights,
      halfLifeDays: training.halfLifeDays,
      historyItems: DEFAULT_HISTORY_ITEMS,
    };
    const boundary = await holdoutBoundary(work, activity.table, watermark, training.evaluation.holdoutHours);
    const past = await prepare(work, "past", activity.table, weighting, { watermark: boundary, before: boundary }, now);
    const whole = await prepare(work, "whole", activity.table, weighting, { watermark, before: null }, now);
    const heldOut = `(SELECT actor_id, item_id FROM ${activity.table} WHERE event != 'refund' AND toUnixTimestamp64Milli(occurred_at) >= ${boundary})`;
    const cases = await actorCases(work, "holdout", past.matrix, heldOut, {
      withoutHistory: false,
      limit: JUDGED_ACTORS,
    });
    const versions: TrainedVersion[] = [];
    for (const [index, algorithm] of algorithms.entries()) {
      const progress = (step: TrainingProgress["step"], share: number) =>
        dependencies.onProgress?.({ algorithm: algorithm.name, step, share: (index + share) / algorithms.length });
      const version = await trainOne(work, algorithm, {
        run,
        training,
        weighting,
        activity,
        boundary,
        past,
        whole,
        cases,
        now,
        progress,
      });
      versions.push(version);
      log.info({ ...version }, `${algorithm.name} ${version.status}${version.reason && `: ${version.reason}`}`);
    }
    const published = versions.filter((version) => version.status === "published");
    const aliases = new Map(published.map((version) => [version.algorithm, version.version]));
    await pointAliases(clickhouse, aliases, now());
    const pruned = await pruneVersions(clickhouse, layout, training.keepVersions, now());
    return { result: published.length > 0 ? "Published" : "Failed", versions, events, notices, pruned };
  });
}

interface Occasion {
  readonly run: string;
  readonly training: TrainingOptions;
  readonly weighting: Weighting;
  readonly activity: TrainingActivity;
  readonly boundary: number;
  readonly past: Prepared;
  readonly whole: Prepared;
  readonly cases: JudgedCases;
  readonly now: () => number;
  readonly progress: (step: TrainingProgress["step"], share: number) => void;
}

async function trainOne(work: WorkTables, algorithm: Algorithm, occasion: Occasion): Promise<TrainedVersion> {
  const { run, training, weighting, activity, past, whole, cases, now, progress } = occasion;
  const version = versionName(algorithm.name, run);
  const record: Omit<ModelVersion, "status" | "reason" | "createdAt"> = {
    version,
    algorithm: algorithm.name,
    configuration: {
      parameters: algorithm.parameters,
      lookbackDays: training.lookbackDays,
      weighting,
      holdout: { from: new Date(occasion.boundary).toISOString(), actors: cases.actors },
    },
    dataFrom: activity.from,
    dataTo: activity.watermark,
    events: activity.events,
    actors: whole.matrix.actorCount,
    items: whole.matrix.itemCount,
    metrics: {},
    entries: 0,
    checksum: "",
    fitSeconds: 0,
  };
  let outcome: ModelVersion;
  const fitted: FittedModel[] = [];
  try {
    const fitOn = async (prepared: Prepared, onProgress: (share: number) => void): Promise<FittedModel> => {
      const name = `${algorithm.name}_${prepared.name}`;
      const model = await algorithm.fit({ work, weighting, ...prepared, name, onProgress });
      fitted.push(model);
      return model;
    };
    const judged = await fitOn(past, (share) => progress("fit", share * 0.4));
    progress("judge", 0.4);
    const { metrics } = await judge(work, algorithm.name, past.matrix, judged, cases, [training.evaluation.k]);
    await judged.close?.();
    const began = now();
    const model = await fitOn(whole, (share) => progress("refit", 0.5 + share * 0.4));
    const fitSeconds = whole.seconds + (now() - began) / 1000;
    const fault = await model.fault();
    if (fault === undefined) {
      progress("store", 0.9);
      await model.store(version);
      const content = await readContent(work.clickhouse, version);
      outcome = { ...record, ...content, metrics, fitSeconds, status: "published", reason: "", createdAt: now() };
    } else {
      outcome = { ...record, metrics, fitSeconds, status: "refused", reason: fault, createdAt: now() };
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    outcome = { ...record, status: "failed", reason, createdAt: now() };
  } finally {
    for (const model of fitted) await model.close?.();
  }
  await recordVersion(work.clickhouse, outcome);
  progress("store", 1);
  const { status, reason, metrics, fitSeconds } = outcome;
  return { version, algorithm: algorithm.name, status, reason, metrics, fitSeconds };
}

async function prepare(
  work: WorkTables,
  name: string,
  activity: string,
  weighting: Weighting,
  window: Prepared["window"],
  now: () => number,
): Promise<Prepared> {
  const began = now();
  const interactions = await createInteractions(work, `${name}_interactions`, activity, weighting, window);
  const matrix = await createMatrix(work, name, interactions);
  return { name, activity, window, matrix, seconds: (now() - began) / 1000 };
}

function chooseAlgorithms(
  training: TrainingOptions,
  available: ReadonlyMap<string, Algorithm>,
): { algorithms: Algorithm[]; notices: string[] } {
  const algorithms: Algorithm[] = [];
  const notices: string[] = [];
  for (const name of new Set([...ALWAYS_TRAINED, ...training.algorithms])) {
    const algorithm = available.get(name);
    if (algorithm === undefined) notices.push(`algorithm ${name} is not in this release and was skipped`);
    else algorithms.push(algorithm);
  }
  return { algorithms, notices };
}
