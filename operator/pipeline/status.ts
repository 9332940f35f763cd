/** The status of a pipeline, from what was seen. Pure. */
import type { Condition, PipelineStatus } from "../../crds/index.ts";
import type { EventNote } from "../runtime/index.ts";
import { type Judgement, judge, migrationJobOf, trainerJobs } from "./conditions.ts";
import { deploymentStatus, jobFailure, jobOutcome, jobStatus, lastWordsOf, podsOfJob } from "./pods.ts";
import { reportsOf, type Sight } from "./sight.ts";

/** Numbers move all the time and alone are worth a write a minute. */
export const FIGURES_MILLISECONDS = 60_000;

export function statusOf(sight: Sight): PipelineStatus {
  const { facts, previous, resource, realized } = sight;
  const sink = sinkOf(sight);
  // A migration that has just succeeded counts at once: what waited for it is judged by the same look.
  const judged = judge({ ...sight, previous: { ...previous, sink } });
  const generation = resource.metadata.generation ?? 0;
  // While paused, and while a configuration is at fault, what is in force is an older generation.
  const applied = realized !== null;
  const observedGeneration = applied ? generation : (previous.observedGeneration ?? generation);
  return compact({
    observedGeneration,
    conditions: conditions(judged, previous.conditions ?? [], observedGeneration, sight.now),
    image: facts?.image ?? previous.image,
    source: source(sight),
    sink,
    collector: facts === null ? previous.collector : collector(sight),
    consumer: replicas(sight, "consumer") ?? previous.consumer,
    serving: facts === null ? previous.serving : serving(sight),
    model: model(sight),
    training: training(sight),
    experiments: experiments(sight),
  });
}

function conditions(
  judged: ReadonlyMap<string, Judgement>,
  before: readonly Condition[],
  observedGeneration: number,
  now: number,
): Condition[] {
  return [...judged].map(([type, { status, reason, message }]) => {
    const same = before.find(
      (condition) => condition.type === type && condition.status === status && isReal(condition),
    );
    const lastTransitionTime = same?.lastTransitionTime ?? `${new Date(now).toISOString().slice(0, 19)}Z`;
    return { type, status, reason, message: message.slice(0, 2_000), observedGeneration, lastTransitionTime };
  });
}

/** What the schema puts into a status that nobody has written yet has no time. */
function isReal({ lastTransitionTime }: Condition): boolean {
  return !lastTransitionTime.startsWith("1970-");
}

function source(sight: Sight): PipelineStatus["source"] {
  const { facts, previous, asked } = sight;
  if (facts === null) return previous.source;
  const figures = reportsOf(sight, "consumer").flatMap((report) => report.source ?? []);
  if (asked === null || figures.length === 0) return { ...previous.source, prefix: facts.prefix };
  const freshness = [...figures, ...reportsOf(sight, "recommender").flatMap((report) => report.source ?? [])];
  return {
    prefix: facts.prefix,
    lag: most(figures.map(({ lag }) => lag)),
    freshnessMilliseconds: most(freshness.map(({ freshnessMilliseconds }) => freshnessMilliseconds)),
    deadLetters: most(figures.map(({ deadLetters }) => deadLetters)),
  };
}

function sinkOf(sight: Sight): PipelineStatus["sink"] {
  const { facts, previous, pods } = sight;
  if (facts === null) return previous.sink;
  const job = migrationJobOf(sight);
  const done = job !== undefined && jobOutcome(job) === "succeeded";
  const words = done
    ? podsOfJob(pods, job)
        .map(lastWordsOf)
        .findLast(({ schemaVersion }) => schemaVersion)
    : undefined;
  return {
    database: facts.database,
    schemaVersion: words?.schemaVersion ?? previous.sink?.schemaVersion,
    migration: done ? facts.migrationHash : previous.sink?.migration,
  };
}

function collector(sight: Sight): PipelineStatus["collector"] {
  const pods = replicas(sight, "collector");
  return pods === undefined ? undefined : { ...pods, url: sight.facts?.urls.collector };
}

function serving(sight: Sight): PipelineStatus["serving"] {
  return { ...replicas(sight, "recommender"), selector: sight.facts?.selector, url: sight.facts?.urls.recommender };
}

function replicas({ deployments }: Sight, role: "collector" | "consumer" | "recommender") {
  const deployment = deployments[role];
  if (deployment === undefined) return undefined;
  const { replicas: all = 0, readyReplicas = 0 } = deploymentStatus(deployment);
  return { replicas: all, readyReplicas };
}

/** What recommenders say that they serve, not what a Job said. */
function model(sight: Sight): PipelineStatus["model"] {
  const reports = reportsOf(sight, "recommender");
  if (sight.asked === null || reports.length === 0) return sight.previous.model;
  return reports.find((report) => report.model !== undefined)?.model;
}

/** From the termination message of the last run, taken over once. */
function training(sight: Sight): PipelineStatus["training"] {
  const before = sight.previous.training;
  const last = trainerJobs(sight).findLast((job) => jobOutcome(job) !== "running");
  if (last === undefined || before?.job === last.metadata.name) return before;
  const words = podsOfJob(sight.pods, last)
    .map(lastWordsOf)
    .findLast(({ result }) => result !== undefined);
  const { startTime, completionTime } = jobStatus(last);
  const finishedAt = completionTime ?? jobFailure(last)?.at;
  const result = words?.result ?? (jobOutcome(last) === "failed" ? "Failed" : undefined);
  return {
    job: last.metadata.name,
    startedAt: startTime,
    finishedAt,
    memoryBytes: words?.memoryBytes,
    result,
    candidates: words?.candidates,
    lastSuccessAt: result === "Promoted" || result === "Refreshed" ? finishedAt : before?.lastSuccessAt,
  };
}

function experiments(sight: Sight): PipelineStatus["experiments"] {
  const told = reportsOf(sight, "recommender").find((report) => report.experiments !== undefined)?.experiments;
  if (sight.asked === null || told === undefined) return sight.previous.experiments;
  return told.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : rounded(Math.max(...known));
}

/** To two significant digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(2));
}

/** Whether anything but figures differs. */
export function differsInMoreThanFigures(before: PipelineStatus, after: PipelineStatus): boolean {
  return JSON.stringify(sortedKeys(withoutFigures(before))) !== JSON.stringify(sortedKeys(withoutFigures(after)));
}

export function differs(before: PipelineStatus, after: PipelineStatus): boolean {
  return JSON.stringify(sortedKeys(before)) !== JSON.stringify(sortedKeys(after));
}

function withoutFigures(status: PipelineStatus): PipelineStatus {
  const { source: { lag: _l, freshnessMilliseconds: _f, deadLetters: _d, ...rest } = {}, ...others } = status;
  return { ...others, source: rest };
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(sortedKeys).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, below]) => below !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, below]) => [name, sortedKeys(below)]),
  );
}

function compact(status: Record<keyof PipelineStatus, unknown>): PipelineStatus {
  return JSON.parse(JSON.stringify(status)) as PipelineStatus;
}

const GOOD_WHEN_ABSENT = new Set(["Stalled", "Reconciling", "Paused"]);

/** One for each condition whose status or reason changed. */
export function eventsOf(before: readonly Condition[], after: readonly Condition[]): EventNote[] {
  return after.flatMap((condition) => {
    const { type, status, reason, message } = condition;
    const same = before.find((other) => other.type === type);
    if (same?.status === status && same.reason === reason) return [];
    const bad = type === "Stalled" || (!GOOD_WHEN_ABSENT.has(type) && status === "False");
    return [
      { type: bad ? "Warning" : "Normal", reason, action: type, note: `${type} is ${status}: ${message}` } as const,
    ];
  });
}
