/** One training run: from the shop's activity to models that have earned their place. */
import type { ClickHouse, Layout } from "../clickhouse/index.ts";
import { listVersions, pointAliases, readAliases } from "../clickhouse/models.ts";
import { copyActivity } from "./activity.ts";
import type { Algorithm } from "./algorithms/algorithm.ts";
import {
  ALGORITHM_NAMES,
  createAlgorithms,
  ENDPOINT_ALGORITHMS,
  NOT_FOR_USERS,
  STANDING_ALGORITHMS,
} from "./algorithms/index.ts";
import { copyCatalogue } from "./catalogue.ts";
import { Contest, type Judged } from "./contest.ts";
import { createContexts } from "./contexts.ts";
import { elect, type GateOptions, type Incumbent, type Ruling, rule } from "./gate.ts";
import { CHAMPION, incumbentOf, type Standing } from "./incumbents.ts";
import { ACTIVITY_COLUMN_NAMES, DEFAULT_HISTORY_ITEMS } from "./interactions.ts";
import type { Lift } from "./judging/bootstrap.ts";
import { actorCases } from "./judging/cases.ts";
import { holdoutBoundary } from "./judging/holdout.ts";
import type { AveragedMetric, Metrics } from "./judging/metrics.ts";
import { createTripwireTable, layTripwires } from "./judging/tripwires.ts";
import { Period } from "./period.ts";
import { Publication, type Refusal } from "./publication.ts";
import { pruneVersions } from "./versions.ts";
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
  readonly evaluation: { readonly holdoutHours: number; readonly metric: ComparedMetric; readonly k: number };
  readonly gate: GateOptions;
  /** Published versions of each algorithm that stay. */
  readonly keepVersions: number;
}

export type ComparedMetric = keyof typeof METRICS;

const METRICS = {
  NDCG: "ndcg",
  Recall: "recall",
  MRR: "mrr",
  HitRate: "hitRate",
  MAP: "map",
} as const satisfies Record<string, AveragedMetric>;

export interface TrainingLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface TrainingProgress {
  readonly algorithm: string;
  readonly step: "judge" | "publish";
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
  /** A version that stays whatever its age, and so can be served at any time: `spec.serving.model.pinnedVersion`. */
  readonly pinnedVersion?: string;
  /** A model that answers slower on average is refused; no limit when absent. */
  readonly maxRankMilliseconds?: number;
  /** Makes algorithms by their names; createAlgorithms when absent. */
  readonly create?: typeof createAlgorithms;
}

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

/** Of more actors in the holdout, as many are judged: the standard error of a figure is then at most 0.005. */
const JUDGED_ACTORS = 10_000;

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
  const run = runName(now());
  return withWorkTables(clickhouse, layout, { name: run, now: now() }, async (work) => {
    const { algorithms, notices } = chooseAlgorithms(training, dependencies.create ?? createAlgorithms);
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
    const runnable = algorithms.filter(({ needsCatalogue }) => catalogue !== null || needsCatalogue !== true);
    for (const { name } of algorithms.filter((algorithm) => !runnable.includes(algorithm))) {
      notices.push(`${name} needs to know what items are, such as their names, and was skipped: send items`);
    }
    try {
      const boundary = await holdoutBoundary(work, activity.table, watermark, training.evaluation.holdoutHours);
      const occasion = { work, training, dependencies, activity: activity.table, boundary, watermark, open };
      const outcome = await compete(occasion, runnable);
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
      return await publish(clickhouse, layout, { outcome, publication, training, dependencies, notices, events, run });
    } finally {
      for (const period of await Promise.allSettled(periods.values())) {
        if (period.status === "fulfilled") await period.value.close();
      }
    }
  });
}

interface Occasion {
  readonly work: WorkTables;
  readonly training: TrainingOptions;
  readonly dependencies: TrainingDependencies;
  /** Table of ACTIVITY_COLUMNS. */
  readonly activity: string;
  readonly boundary: number;
  readonly watermark: number;
  open(name: string, source: string, before: number | null): Promise<Period>;
}

interface Entry {
  readonly judged: Judged;
  /** For the endpoint that it answers by itself; `null`: it has none. */
  readonly own: Ruling | null;
  /** For users; `null`: it cannot answer them, or is disqualified. */
  readonly users: Ruling | null;
  readonly parent: string | null;
  /** The period that its recipe was last compared on ends here; milliseconds since 1970. */
  readonly comparedBefore: number;
}

interface Outcome {
  readonly entries: readonly Entry[];
  readonly winner: Entry | null;
  /** In the holdout, that were judged on. */
  readonly actors: number;
}

async function compete(occasion: Occasion, algorithms: readonly Algorithm[]): Promise<Outcome> {
  const { work, training, dependencies, activity, boundary, watermark, open } = occasion;
  const { k, metric } = training.evaluation;
  const milliseconds = "toUnixTimestamp64Milli(occurred_at)";
  const before = `SELECT ${ACTIVITY_COLUMN_NAMES} FROM ${activity} WHERE ${milliseconds} < ${boundary}`;
  const madeUp = await createTripwireTable(work);
  const past = await open("past", `(${before} UNION ALL SELECT ${ACTIVITY_COLUMN_NAMES} FROM ${madeUp})`, boundary);
  const heldOut = `(SELECT actor_id, item_id, occurred_at, device, country FROM ${activity} WHERE event != 'refund' AND ${milliseconds} >= ${boundary})`;
  const asked = await actorCases(work, "holdout", past.matrix, heldOut, {
    withoutHistory: false,
    limit: JUDGED_ACTORS,
  });
  const cases = { ...asked, contexts: await createContexts(work, "holdout", asked.table, heldOut) };
  const tripwires = await layTripwires(work, madeUp, past.matrix, cases, {
    event: heaviest(training.weights),
    at: watermark,
    k,
  });
  const contest = await Contest.open(work, {
    past,
    cases,
    tripwires,
    metric: METRICS[metric],
    k,
    maxRankMilliseconds: dependencies.maxRankMilliseconds ?? Number.POSITIVE_INFINITY,
    elapsed: () => performance.now(),
  });
  const judged: Judged[] = [];
  for (const [index, algorithm] of algorithms.entries()) {
    const coverage = STANDING_ALGORITHMS.includes(algorithm.name) ? 0 : training.gate.minCoveragePercent;
    judged.push(
      await contest.judge(algorithm, coverage, (share) =>
        dependencies.onProgress?.({
          algorithm: algorithm.name,
          step: "judge",
          share: (0.6 * (index + share)) / algorithms.length,
        }),
      ),
    );
  }
  const aliases = await readAliases(work.clickhouse);
  const versions = new Map((await listVersions(work.clickhouse)).map((version) => [version.version, version]));
  const create = dependencies.create ?? createAlgorithms;
  const incumbentAt = (alias: string): Promise<Standing> =>
    incumbentOf(versions.get(aliases.get(alias) ?? ""), {
      ...{ contest, judged, boundary, activity, work, create, versions, open },
    });
  return settle(judged, contest.actors, training.gate, incumbentAt, cases.actors);
}

/** Each endpoint's algorithm against what its alias names, and all that can answer users against the champion. */
async function settle(
  judged: readonly Judged[],
  actors: Uint32Array,
  gate: GateOptions,
  incumbentAt: (alias: string) => Promise<Standing>,
  judgedActors: number,
): Promise<Outcome> {
  const champion = await incumbentAt(CHAMPION);
  const running = judged.filter(
    ({ algorithm, disqualified }) => disqualified === null && !NOT_FOR_USERS.includes(algorithm.name),
  );
  const popular = judged.find(({ algorithm }) => algorithm.name === "popular");
  const toBeat = champion.incumbent?.values == null ? fallback(popular) : champion.incumbent;
  const election = elect(running, toBeat, actors, gate);
  const entries: Entry[] = [];
  for (const one of judged) {
    const place = running.indexOf(one);
    const users = place < 0 ? null : (election.rulings[place] ?? null);
    const isEndpoint = ENDPOINT_ALGORITHMS.includes(one.algorithm.name) && one.disqualified === null;
    const slot = isEndpoint ? await incumbentAt(one.algorithm.name) : null;
    const own = slot === null ? standing(one) : rule(one, slot.incumbent, actors, gate);
    const { incumbent, comparedBefore } = slot ?? champion;
    entries.push({ judged: one, own, users, parent: incumbent?.version ?? null, comparedBefore });
  }
  const winner = election.winner === null ? undefined : running[election.winner];
  return {
    entries,
    winner: entries.find((entry) => entry.judged === winner) ?? null,
    actors: judgedActors,
  };
}

/** Without a champion, or with one that this release cannot fit, what is popular is what must be beaten. */
function fallback(popular: Judged | undefined): Incumbent | null {
  return popular === undefined ? null : { version: "popular", recipe: popular.recipe, values: popular.values };
}

/** What always answers for want of better is published whatever it scores, unless it is broken. */
function standing({ algorithm, disqualified }: Judged): Ruling | null {
  if (disqualified !== null || !STANDING_ALGORITHMS.includes(algorithm.name)) return null;
  return { verdict: "Refreshed", lift: null, reason: "" };
}

interface Publishing {
  readonly outcome: Outcome;
  readonly publication: Publication;
  readonly training: TrainingOptions;
  readonly dependencies: TrainingDependencies;
  readonly notices: readonly string[];
  readonly events: number;
  readonly run: string;
}

async function publish(clickhouse: ClickHouse, layout: Layout, publishing: Publishing): Promise<TrainingResult> {
  const { outcome, publication, training, dependencies, notices, events, run } = publishing;
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
    const wanted = champion || own || components.has(algorithm.name);
    const ruling = entry.users ?? entry.own;
    const published = await publication.publish(entry.judged, {
      refusal: wanted ? null : refusalOf(entry),
      parent: entry.parent,
      comparedBefore: entry.comparedBefore,
      lift: ruling?.lift ?? null,
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
  await pointAliases(clickhouse, aliases, now());
  const keep = { newest: training.keepVersions, pinned: dependencies.pinnedVersion };
  const pruned = await pruneVersions(clickhouse, layout, keep, now());
  const failed = versions.every(({ status }) => status === "failed");
  return { result: result ?? (failed ? "Failed" : "Refused"), versions, events, notices, pruned };
}

function refusalOf({ judged, users, own }: Entry): Refusal {
  if (judged.disqualified !== null) return judged.disqualified;
  return { cause: "GateRefused", reason: users?.reason || own?.reason || "nothing asks for it" };
}

function chooseAlgorithms(
  training: TrainingOptions,
  create: typeof createAlgorithms,
): { algorithms: Algorithm[]; notices: string[] } {
  const wanted = [...new Set([...STANDING_ALGORITHMS, ...training.algorithms])];
  const known = wanted.filter((name) => ALGORITHM_NAMES.includes(name));
  const notices = wanted
    .filter((name) => !known.includes(name))
    .map((name) => `algorithm ${name} is not in this release and was skipped`);
  return { algorithms: create(known), notices };
}

function heaviest(weights: Readonly<Record<string, number>>): string {
  const [first = ["", 0]] = Object.entries(weights).sort(([, a], [, b]) => b - a);
  return first[0];
}
