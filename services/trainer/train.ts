/** One training run: from the shop's activity to models that have earned their place. */
import type { ClickHouse, Layout } from "../clickhouse/index.ts";
import { listPromotions, pointAliases } from "../clickhouse/models.ts";
import { copyActivity } from "./activity.ts";
import { ALGORITHM_NAMES, ALGORITHMS, STANDING_ALGORITHMS } from "./algorithms/index.ts";
import { copyCatalogue } from "./catalogue.ts";
import { compete, type Entry, type Outcome } from "./competition.ts";
import { CHAMPION } from "./incumbents.ts";
import { DEFAULT_HISTORY_ITEMS } from "./interactions.ts";
import type { Lift } from "./judging/bootstrap.ts";
import { holdoutBoundary } from "./judging/holdout.ts";
import type { Metrics } from "./judging/metrics.ts";
import type { TrainingDependencies, TrainingOptions } from "./options.ts";
import { Period } from "./period.ts";
import { Publication, type Refusal } from "./publication.ts";
import { pruneVersions } from "./versions.ts";
import { runName, withWorkTables } from "./work-tables.ts";

export interface TrainedVersion {
  readonly version: string;
  readonly algorithm: string;
  readonly status: "published" | "refused" | "failed";
  /** Whether it answers users. */
  readonly champion: boolean;
  /** Why it was refused or failed. */
  readonly reason: string;
  readonly cause: Refusal["cause"] | null;
  readonly metrics: Metrics;
  /** Over what answers users, or did before; `null`: not compared. */
  readonly lift: Lift | null;
  readonly fitSeconds: number;
}

export interface TrainingResult {
  /** What came of it for users: a new recipe, the one in service on newer data, none that was good enough. */
  readonly result: "Promoted" | "Refreshed" | "Refused" | "NotEnoughData" | "Failed";
  readonly versions: readonly TrainedVersion[];
  /** Weighted events in the window. */
  readonly events: number;
  /** What a person should know: algorithms that were skipped, why there is too little data. */
  readonly notices: readonly string[];
  /** Older versions whose rows were dropped. */
  readonly pruned: readonly string[];
}

/**
 * Fits each algorithm on what came before the holdout and judges all of them, and what is in service, on the same events
 * in it. What passes the gate is fitted again on everything and written under a new version; in the end all aliases move
 * in one step, and older versions are pruned. An algorithm that fails does not stop the others: its record says why.
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
  const began = now();
  const run = runName(began);
  return withWorkTables(clickhouse, layout, { name: run, now: now() }, async (work) => {
    const { names, notices } = chooseAlgorithms(training);
    for (const notice of notices) log.info({ run }, notice);
    const activity = await copyActivity(work, training.weights, training.lookbackDays);
    const { events, watermark } = activity;
    if (watermark === null || events < training.minEvents) {
      const notice = `${events} events of ${Object.keys(training.weights).join(", ")} in the last ${training.lookbackDays} days, training begins at ${training.minEvents}`;
      log.info({ run, events }, notice);
      return { result: "NotEnoughData", versions: [], events, notices: [...notices, notice], pruned: [] };
    }
    const catalogue = await copyCatalogue(work);
    const weighting = {
      weights: training.weights,
      halfLifeDays: training.halfLifeDays,
      historyItems: DEFAULT_HISTORY_ITEMS,
    };
    const periods = new Map<string, Promise<Period>>();
    const open = (name: string, source: string, before: number | null) => {
      const window = { watermark: before ?? watermark, before };
      const options = { name, activity: source, catalogue, weighting, window, now };
      const period = periods.get(name) ?? Period.open(work, options);
      periods.set(name, period);
      return period;
    };
    const runnable = names.filter((name) => catalogue !== null || ALGORITHMS.get(name)?.needsCatalogue !== true);
    for (const name of names.filter((name) => !runnable.includes(name))) {
      notices.push(`${name} needs to know what items are, such as their names, and was skipped: send items`);
    }
    try {
      const boundary = await holdoutBoundary(work, activity.table, watermark, training.evaluation.holdoutHours);
      const outcome = await compete(
        { work, training, dependencies, activity: activity.table, weighting, boundary, watermark, open },
        runnable,
      );
      // Models of one period at a time: some hold hundreds of megabytes.
      await closeAll(periods);
      const publication = new Publication(work, {
        run,
        whole: await open("whole", activity.table, null),
        gate: training.gate,
        now,
        data: {
          lookbackDays: training.lookbackDays,
          weighting,
          boundary,
          actors: outcome.actors,
          from: activity.from,
          to: watermark,
          events,
          judgedBy: `${training.evaluation.metric}@${training.evaluation.k}`,
        },
      });
      return await publish(clickhouse, layout, {
        outcome,
        publication,
        training,
        dependencies,
        notices,
        events,
        run,
        began,
      });
    } finally {
      await closeAll(periods);
    }
  });
}

async function closeAll(periods: ReadonlyMap<string, Promise<Period>>): Promise<void> {
  for (const period of await Promise.allSettled(periods.values())) {
    if (period.status === "fulfilled") await period.value.close();
  }
}

interface Publishing {
  readonly outcome: Outcome;
  readonly publication: Publication;
  readonly training: TrainingOptions;
  readonly dependencies: TrainingDependencies;
  readonly notices: string[];
  readonly events: number;
  readonly run: string;
  /** When the run began; milliseconds since 1970. */
  readonly began: number;
}

async function publish(clickhouse: ClickHouse, layout: Layout, publishing: Publishing): Promise<TrainingResult> {
  const { outcome, publication, training, dependencies, notices, events, run, began } = publishing;
  const { now, log } = dependencies;
  const components = new Set(outcome.winner?.judged.algorithm.components?.map(({ name }) => name));
  const versions: TrainedVersion[] = [];
  const aliases = new Map<string, string>();
  let result: TrainingResult["result"] | null = null;
  for (const [index, entry] of outcome.entries.entries()) {
    const { algorithm, metrics } = entry.judged;
    const progress = (share: number) =>
      dependencies.onProgress?.({
        algorithm: algorithm.name,
        step: "publish",
        share: 0.6 + (0.4 * (index + share)) / outcome.entries.length,
      });
    const champion = entry === outcome.winner;
    const own = entry.own !== null && entry.own.verdict !== "Refused";
    const wanted = champion || own || components.has(entry.label);
    const ruling = entry.users ?? entry.own;
    const published = await publication.publish(entry.judged, {
      refusal: wanted ? lackOf(entry, versions) : refusalOf(entry),
      parent: entry.parent,
      label: entry.label,
      comparedBefore: entry.comparedBefore,
      lift: (champion ? entry.users : (entry.own ?? entry.users))?.lift ?? null,
      onProgress: progress,
    });
    const isPublished = published.status === "published";
    if (isPublished && own) aliases.set(algorithm.name, published.version);
    if (isPublished && champion) {
      aliases.set(CHAMPION, published.version);
      result = entry.users?.verdict === "Promoted" ? "Promoted" : "Refreshed";
    }
    const version = { ...published, metrics, champion: champion && isPublished, lift: ruling?.lift ?? null };
    versions.push(version);
    progress(1);
    log.info({ run, ...version }, `${algorithm.name} ${version.status}${version.reason && `: ${version.reason}`}`);
  }
  const [last] = await listPromotions(clickhouse, CHAMPION);
  if (last !== undefined && last.cause !== "training" && last.at >= began && aliases.delete(CHAMPION)) {
    notices.push(`${last.version} was chosen by hand while this run was under way, and stays`);
    result = "Refused";
  }
  await pointAliases(clickhouse, aliases, now());
  const keep = { newest: training.keepVersions, pinned: dependencies.pinnedVersion };
  const pruned = await pruneVersions(clickhouse, layout, keep, now());
  const failed = versions.every(({ status }) => status === "failed");
  return { result: result ?? (failed ? "Failed" : "Refused"), versions, events, notices, pruned };
}

/** A ranker is served with its components, so it needs all of them. */
function lackOf({ judged }: Entry, versions: readonly TrainedVersion[]): Refusal | null {
  const lacking = judged.algorithm.components?.find(
    ({ name }) => !versions.some(({ algorithm, status }) => algorithm === name && status === "published"),
  );
  return lacking === undefined ? null : { cause: "Failed", reason: `its component ${lacking.name} was not published` };
}

function refusalOf({ judged, users, own }: Entry): Refusal {
  if (judged.disqualified !== null) return judged.disqualified;
  return { cause: "GateRefused", reason: users?.reason || own?.reason || "nothing asks for it" };
}

function chooseAlgorithms(training: TrainingOptions): { names: string[]; notices: string[] } {
  const wanted = [...new Set([...STANDING_ALGORITHMS, ...training.algorithms])];
  const names = wanted.filter((name) => ALGORITHM_NAMES.includes(name));
  const notices = wanted
    .filter((name) => !names.includes(name))
    .map((name) => `algorithm ${name} is not in this release and was skipped`);
  return { names, notices };
}
