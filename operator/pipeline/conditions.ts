/** The judgements of a pipeline's status, one function each. Pure. */
import type { Condition } from "../../crds/index.ts";
import type { KubeObject } from "../runtime/index.ts";
import { roleOf, type StandingRole } from "./names.ts";
import {
  deploymentStatus,
  deploymentTrouble,
  isRolledOut,
  jobFailure,
  jobOutcome,
  lastWordsOf,
  podsOfJob,
  podTrouble,
  type Trouble,
} from "./pods.ts";
import { problemsOf, reportsOf, type Sight } from "./sight.ts";

export interface Judgement extends Trouble {
  readonly status: Condition["status"];
}

const yes = (reason: string, message: string): Judgement => ({ status: "True", reason, message });
const no = ({ reason, message }: Trouble): Judgement => ({ status: "False", reason, message });
const unknown = (reason: string, message: string): Judgement => ({ status: "Unknown", reason, message });

const SINK_REASONS = new Set([
  ...[
    "Unreachable",
    "AuthenticationFailed",
    "NotAuthorized",
    "TlsFailed",
    "ServerUnsupported",
    "DatabaseTaken",
    "ReadOnly",
  ],
  ...["MigrationFailed", "SecretMissing", "SecretKeyMissing", "ConfigurationRejected"],
]);
const SOURCE_REASONS = new Set(["Unreachable", "AuthenticationFailed", "NotAuthorized", "TlsFailed", "TopicMissing"]);
const MODEL_REASONS = new Set(["AwaitingData", "NeverPublished", "PinnedVersionMissing", "DoesNotFit", "LoadFailed"]);
const FIVE_MINUTES = 300_000;

export function configurationValid({ realized, previous }: Sight): Judgement {
  if (realized === null) return kept(previous.conditions, "ConfigurationValid");
  if (realized.fault !== null) return no(realized.fault);
  return yes("Valid", "The operator can make everything that the resource asks for.");
}

export function migrationJobOf({ facts, jobs }: Sight): KubeObject | undefined {
  return jobs.find(({ metadata }) => metadata.name === facts?.migrationJob);
}

/** Of the migration that is under way or was the last. */
export function sinkReady(sight: Sight): Judgement {
  const { facts, previous, pods } = sight;
  const migrated = previous.sink?.migration;
  const [problem] = problemsOf(sight, "Sink", ["consumer", "recommender"]);
  if (problem !== undefined && SINK_REASONS.has(problem.reason)) return no(problem);
  const job = migrationJobOf(sight);
  if (facts !== null && migrated !== facts.migrationHash && job !== undefined) {
    const own = podsOfJob(pods, job);
    const words = own.map(lastWordsOf).findLast(({ reason }) => reason !== undefined);
    if (words?.reason !== undefined && SINK_REASONS.has(words.reason)) {
      return no({ reason: words.reason, message: `Job ${job.metadata.name}: ${words.message ?? words.reason}` });
    }
    if (jobOutcome(job) === "failed") {
      const said =
        own.map(lastWordsOf).findLast(({ message }) => message !== undefined)?.message ?? "see its pods' logs";
      return no({ reason: "MigrationFailed", message: `Job ${job.metadata.name} failed: ${said}. It is made again.` });
    }
    const trouble = podTrouble(own);
    if (trouble !== null) return no(trouble);
  }
  if (migrated !== undefined) return yes("Migrated", `The tables of database ${facts?.database ?? ""} are current.`);
  if (job !== undefined) return no({ reason: "Migrating", message: `Job ${job.metadata.name} makes the tables.` });
  return unknown("Pending", "No migration has run yet.");
}

export function sourceReachable(sight: Sight): Judgement {
  const roles: readonly StandingRole[] = ["consumer"];
  const problem = problemsOf(sight, "Source", roles).find(({ reason }) => SOURCE_REASONS.has(reason));
  if (problem !== undefined) return no(problem);
  if (sight.asked === null) return kept(sight.previous.conditions, "SourceReachable");
  if (reportsOf(sight, "consumer").length === 0) {
    return unknown("NoConsumerRunning", "No consumer runs that could say whether the brokers are reached.");
  }
  return yes("Connected", "The consumers read their topics.");
}

const ROLE_CONDITIONS = {
  collector: "CollectorReady",
  consumer: "ConsumersReady",
  recommender: "ServingReady",
} as const;

/** CollectorReady, ConsumersReady, ServingReady. */
export function roleReady(sight: Sight, role: StandingRole): Judgement {
  const deployment = sight.deployments[role];
  const waits = sight.realized?.waiting[role];
  if (deployment === undefined) {
    if (waits === "WaitingForMigration")
      return no({ reason: waits, message: `The ${role} is made when the tables are.` });
    if (waits === "WaitingForConsumers") {
      return no({ reason: waits, message: `The ${role} is made when the consumers have rolled out.` });
    }
    return unknown("Pending", `The ${role} has not been made yet.`);
  }
  const floor = (sight.facts === null ? undefined : floorOf(sight, role)) ?? 1;
  const { readyReplicas = 0 } = deploymentStatus(deployment);
  if (floor === 0 && readyReplicas === 0) return yes("ScaledToZero", `The ${role} has no pods, as asked for.`);
  const pods = sight.pods.filter((pod) => roleOf(pod) === role);
  const trouble = podTrouble(pods) ?? problemsOf(sight, "Role", [role])[0] ?? deploymentTrouble(deployment) ?? null;
  if (readyReplicas >= Math.max(floor - 1, 1)) {
    // Enough answer; what keeps a roll-out from its end, or a change from acting, is still to be seen.
    if (trouble?.reason === "RolloutStuck" || trouble?.reason === "ConfigurationRejected") return no(trouble);
    return yes(
      "Available",
      `${readyReplicas} of ${deploymentStatus(deployment).replicas ?? 0} pods of the ${role} are ready.`,
    );
  }
  return no(
    trouble ?? {
      reason: "Unavailable",
      message: `${readyReplicas} pods of the ${role} are ready, ${floor} are asked for`,
    },
  );
}

function floorOf({ facts }: Sight, role: StandingRole): number | undefined {
  if (role === "collector") return facts?.spec.collector?.replicas;
  return role === "consumer" ? facts?.spec.consumer.replicas : facts?.spec.serving.replicas;
}

export function modelReady(sight: Sight): Judgement {
  if (sight.asked === null) return kept(sight.previous.conditions, "ModelReady");
  const reports = reportsOf(sight, "recommender");
  if (reports.length === 0)
    return unknown("NoRecommenderRunning", "No recommender runs that could say what it serves.");
  const problem = problemsOf(sight, "Model", ["recommender"]).find(({ reason }) => MODEL_REASONS.has(reason));
  if (problem !== undefined) return no(problem);
  const model = reports.find((report) => report.model !== undefined)?.model;
  if (model === undefined) {
    const refused = sight.previous.training?.result === "Refused" || sight.previous.training?.result === "Failed";
    const message = "Popular and latest items are recommended until there is a model.";
    if (refused) return no({ reason: "NeverPublished", message: `No training run has passed. ${message}` });
    return no({ reason: "AwaitingData", message: `No model was trained yet. ${message}` });
  }
  if (model.canary !== undefined) {
    return yes(
      "Canary",
      `Version ${model.canary.version} answers ${model.canary.percent} percent, ${model.version} the rest.`,
    );
  }
  const pinned = sight.facts?.spec.serving.model?.pinnedVersion !== undefined;
  return yes(pinned ? "Pinned" : "Published", `Version ${model.version} is served.`);
}

export function trainerJobs({ jobs }: Sight): KubeObject[] {
  return jobs
    .filter((job) => roleOf(job) === "trainer")
    .toSorted((a, b) => ((a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? -1 : 1));
}

/** Of the last run that ended. */
export function trainingSucceeded(sight: Sight): Judgement {
  const last = trainerJobs(sight).findLast((job) => jobOutcome(job) !== "running");
  const running = trainerJobs(sight).findLast((job) => jobOutcome(job) === "running");
  const stuck = running === undefined ? null : podTrouble(podsOfJob(sight.pods, running));
  if (stuck !== null) return no(stuck);
  if (last === undefined) {
    const before = sight.previous.conditions?.find(({ type }) => type === "TrainingSucceeded");
    if (sight.facts?.spec.training.suspend === true) return unknown("Suspended", "spec.training.suspend is true.");
    if (before !== undefined && sight.previous.training?.job !== undefined) return kept([before], "TrainingSucceeded");
    return unknown("NotRunYet", "No training run has ended yet.");
  }
  const words = podsOfJob(sight.pods, last)
    .map(lastWordsOf)
    .findLast(({ result, reason }) => result ?? reason);
  const name = `Job ${last.metadata.name}`;
  const said = words?.message === undefined ? "" : `: ${words.message}`;
  const failure = jobFailure(last);
  if (words === undefined && sight.previous.training?.job === last.metadata.name) {
    // Its pods are gone; what they said stands in the status.
    const before = sight.previous.conditions?.find(({ type }) => type === "TrainingSucceeded");
    if (before !== undefined && before.reason !== "NotRunYet") return kept([before], "TrainingSucceeded");
  }
  if (failure?.reason === "DeadlineExceeded") {
    return no({ reason: "TimedOut", message: `${name} took longer than training.timeoutMinutes allows` });
  }
  if (words?.result === "NotEnoughData") return unknown("NotEnoughData", `${name}${said}`);
  if (words?.reason === "Degenerate" || words?.reason === "LeakDetected")
    return no({ reason: words.reason, message: `${name}${said}` });
  if (words?.result === "Refused") return no({ reason: "GateRefused", message: `${name}${said}` });
  if (failure !== null || words?.result === "Failed") {
    const trouble = podTrouble(podsOfJob(sight.pods, last));
    return no(
      trouble !== null && trouble.reason !== "CrashLooping"
        ? trouble
        : { reason: "Failed", message: `${name} failed${said}` },
    );
  }
  return yes(words?.result === "Promoted" ? "Promoted" : "Refreshed", `${name}${said}`);
}

const TWO_MINUTES = 120_000;

/** What the figures say this moment; `null`: there are none. */
export function objectivesNow(sight: Sight): Judgement | null {
  const { facts, now } = sight;
  if (facts === null || sight.asked === null) return null;
  const { freshnessSeconds, lag, latencyMilliseconds, modelAgeHours } = facts.spec.objectives;
  const reports = facts.roles.flatMap((role) => reportsOf(sight, role));
  if (reports.length === 0) return null;
  const most = (read: (report: (typeof reports)[number]) => number | undefined) =>
    Math.max(...reports.map((report) => read(report) ?? -1));
  const trainedAt = reports.find(({ model }) => model?.trainedAt !== undefined)?.model?.trainedAt;
  const age = trainedAt === undefined ? 0 : (now - Date.parse(trainedAt)) / 3_600_000;
  const over = [
    {
      reason: "Stale",
      value: most(({ source }) => source?.freshnessMilliseconds) / 1000,
      limit: freshnessSeconds,
      unit: "s of freshness",
    },
    { reason: "Lagging", value: most(({ source }) => source?.lag), limit: lag, unit: "records of lag" },
    {
      reason: "Slow",
      value: most((report) => report.latencyMilliseconds),
      limit: latencyMilliseconds,
      unit: "ms at p99",
    },
    { reason: "ModelTooOld", value: age, limit: modelAgeHours, unit: "hours since the model was trained" },
  ].find(({ value, limit }) => value > limit);
  if (over === undefined) return yes("Met", "Freshness, lag, latency and age of the model are within spec.objectives.");
  const { reason, limit, unit } = over;
  return no({ reason, message: `More than ${limit} ${unit}, which spec.objectives allows.` });
}

/** Changes when the figures have been otherwise for two minutes. */
export function objectivesMet(sight: Sight): Judgement {
  const before = sight.previous.conditions?.find(({ type }) => type === "ObjectivesMet");
  const found = objectivesNow(sight);
  if (found === null) {
    return sight.asked === null && before !== undefined
      ? kept([before], "ObjectivesMet")
      : unknown("NoFigures", "No role runs that could tell figures.");
  }
  if (before === undefined || before.status === "Unknown" || before.status === found.status) return found;
  const { differsSince } = sight.objectives;
  return differsSince !== null && sight.now - differsSince >= TWO_MINUTES ? found : kept([before], "ObjectivesMet");
}

/** @param judged the other conditions */
export function ready(sight: Sight, judged: ReadonlyMap<string, Judgement>): Judgement {
  if (sight.resource.metadata.deletionTimestamp !== undefined) {
    return no({ reason: "Deleting", message: "The resource is being deleted." });
  }
  const parts = [
    "ConfigurationValid",
    "SinkReady",
    "SourceReachable",
    "CollectorReady",
    "ConsumersReady",
    "ServingReady",
  ];
  const found = parts.flatMap((type) => {
    const judgement = judged.get(type);
    return judgement === undefined ? [] : [{ type, ...judgement }];
  });
  const bad = found.find(({ status }) => status === "False");
  if (bad !== undefined) return no({ reason: bad.reason, message: `${bad.type}: ${bad.message}` });
  const open = found.find(({ status }) => status === "Unknown");
  if (open !== undefined) return unknown(open.reason, `${open.type}: ${open.message}`);
  return yes("Available", "Activity is read and recommendations are answered.");
}

/** Of kstatus: `null` while nothing is under way. */
export function reconciling(sight: Sight): Judgement | null {
  const { resource, realized, facts, previous, deployments } = sight;
  if (resource.metadata.deletionTimestamp !== undefined) return yes("Deleting", "Children are being removed.");
  if (realized === null) return null;
  if (realized.retry !== null) return yes("Retrying", `${realized.retry.message} It is tried again.`);
  if (facts === null) return null;
  if (previous.sink?.migration !== facts.migrationHash)
    return yes("Migrating", `Job ${facts.migrationJob} is under way.`);
  const rolling = facts.roles.filter((role) => realized.waiting[role] !== undefined || !isRolledOut(deployments[role]));
  return rolling.length === 0 ? null : yes("RollingOut", `Pods of ${rolling.join(", ")} are being replaced.`);
}

/** Of kstatus: `null` while it may still come right by itself. */
export function stalled(sight: Sight, judged: ReadonlyMap<string, Judgement>): Judgement | null {
  if (sight.resource.metadata.deletionTimestamp !== undefined || sight.realized === null) return null;
  const configuration = judged.get("ConfigurationValid");
  if (configuration?.status === "False") return yes(configuration.reason, configuration.message);
  const job = migrationJobOf(sight);
  const sink = judged.get("SinkReady");
  const unmigrated = sight.previous.sink?.migration !== sight.facts?.migrationHash;
  if (unmigrated && job !== undefined && jobOutcome(job) === "failed" && sink !== undefined) {
    return yes(sink.status === "False" ? sink.reason : "MigrationFailed", sink.message);
  }
  for (const [type, { status, reason, message }] of judged) {
    if (status !== "False") continue;
    if (reason === "RolloutStuck") return yes(reason, message);
    const since = sight.previous.conditions?.find(
      (condition) => condition.type === type && condition.reason === reason,
    );
    const waits = reason === "SecretMissing" || reason === "ImagePullFailed";
    if (waits && since !== undefined && sight.now - Date.parse(since.lastTransitionTime) >= FIVE_MINUTES) {
      return yes(reason, message);
    }
  }
  return null;
}

function kept(conditions: readonly Condition[] | undefined, type: string): Judgement {
  const before = conditions?.find((condition) => condition.type === type);
  if (before === undefined) return unknown("Pending", "Not looked at yet.");
  const { status, reason, message } = before;
  return { status, reason, message };
}

/** All conditions of the moment, by type. */
export function judge(sight: Sight): ReadonlyMap<string, Judgement> {
  const judged = new Map<string, Judgement>();
  judged.set("ConfigurationValid", configurationValid(sight));
  judged.set("SinkReady", sinkReady(sight));
  judged.set("SourceReachable", sourceReachable(sight));
  const present = Object.keys(sight.deployments) as StandingRole[];
  for (const role of sight.facts?.roles ?? present) judged.set(ROLE_CONDITIONS[role], roleReady(sight, role));
  judged.set("ModelReady", modelReady(sight));
  judged.set("TrainingSucceeded", trainingSucceeded(sight));
  judged.set("ObjectivesMet", objectivesMet(sight));
  judged.set("Ready", ready(sight, judged));
  const stopped = stalled(sight, judged);
  const busy = stopped === null ? reconciling(sight) : null;
  if (stopped !== null) judged.set("Stalled", stopped);
  if (busy !== null) judged.set("Reconciling", busy);
  if (sight.realized === null && sight.resource.metadata.deletionTimestamp === undefined) {
    judged.set("Paused", yes("PausedBySpec", "spec.paused is true: nothing is changed."));
  }
  return judged;
}
