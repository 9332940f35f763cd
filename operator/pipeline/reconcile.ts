/** One look at a pipeline: make what there should be, see what there is, say how it stands. */
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import type { PipelineStatus } from "../../crds/index.ts";
import { type ApiServer, apply, type EventRecorder, type KubeObject, splitKey } from "../runtime/index.ts";
import { answeringPods, askPods } from "./ask-roles.ts";
import type { Cluster } from "./cluster.ts";
import { type Compiled, compile, type Plan } from "./compile.ts";
import { migrationJobOf, objectivesNow } from "./conditions.ts";
import { deletePipeline, hasFinalizer, writeFinalizer } from "./deletion.ts";
import type { PipelineFigures } from "./figures.ts";
import { DEPLOYMENT, JOB, PIPELINE } from "./kinds.ts";
import { MANAGER, ownerUid, roleOf, type StandingRole, selectorLabels } from "./names.ts";
import { isRolledOut, jobFailure } from "./pods.ts";
import { MIGRATION_AGAIN_MILLISECONDS, realize } from "./realize.ts";
import { prefixTaken } from "./rivals.ts";
import type { Rollouts } from "./rollouts.ts";
import type { OperatorSettings } from "./settings.ts";
import type { Asked, Facts, Realized, Sight } from "./sight.ts";
import { differs, differsInMoreThanFigures, eventsOf, FIGURES_MILLISECONDS, statusOf } from "./status.ts";
import { childWriter, troubleOf } from "./writer.ts";

export interface ReconcilerOptions {
  readonly api: ApiServer;
  readonly cluster: Cluster;
  readonly settings: OperatorSettings;
  readonly rollouts: Rollouts;
  readonly events: EventRecorder;
  readonly figures: PipelineFigures;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What is remembered of a pipeline from one look to the next; none of it is needed after a restart. */
interface Memory {
  readonly uid: string;
  /** What the cluster was like when nothing was left to write. */
  settled: string | null;
  /** Of the last valid configuration. */
  facts: Facts | null;
  realized: Realized | null;
  /** As last written, until the cache has it. */
  status: { readonly version: bigint; readonly value: PipelineStatus } | null;
  figuresWrittenAt: number;
  asked: { readonly at: number; readonly pods: string; readonly answers: readonly Asked[] } | null;
  objectivesDifferSince: number | null;
}

/** A plan is some 100 kB. */
const MAX_PLANS = 64;
const ASK_WHILE_AMISS_MILLISECONDS = 10_000;
const ASK_AT_REST_MILLISECONDS = 60_000;
/** After what a person has to mend outside of the resource. */
const FAULT_AGAIN_MILLISECONDS = 30_000;
const FIVE_MINUTES = 300_000;
const TWO_MINUTES = 120_000;

/** @returns a function that resolves with the milliseconds until the next look; `null`: when something changes */
export function reconciler(options: ReconcilerOptions): (key: string, logger: Logger) => Promise<number | null> {
  const { cluster, figures, rollouts, now } = options;
  const memories = new Map<string, Memory>();
  // Several looks follow each other while children are made; at rest nobody needs a plan.
  const compileOnce = rememberingCompile(options);

  const forget = (key: string) => {
    memories.delete(key);
    figures.forget(key);
    rollouts.finished(key);
  };

  return async (key, logger) => {
    const resource = cluster.pipeline(key);
    if (resource === undefined) {
      forget(key);
      return null;
    }
    const memory = remember(memories, key, resource);
    const fingerprint = cluster.fingerprint(resource);
    const previous = previousStatus(resource, memory);
    const ending = resource.metadata.deletionTimestamp !== undefined;
    const paused = (resource.spec as { readonly paused?: boolean }).paused === true;

    let next: number | null = null;
    let retry: Error | null = null;
    if (ending) next = await endPipeline(options, key, resource);
    else if (paused) memory.realized = null;
    else if (memory.settled !== fingerprint || memory.realized === null || awaitsFirstTraining(memory, previous)) {
      const made = await make(options, compileOnce, { key, resource, memory, previous, logger });
      ({ next, retry } = made);
      memory.settled = made.isSettled ? fingerprint : null;
    }
    const sight = await look(options, { key, resource, memory, previous });
    await tell(options, { key, resource, memory, sight });
    if (retry !== null) throw retry;
    return soonest(next, ending ? null : nextLook(sight, memory, now()));
  };
}

function remember(memories: Map<string, Memory>, key: string, { metadata: { uid = "" } }: KubeObject): Memory {
  const known = memories.get(key);
  if (known?.uid === uid) return known;
  const memory: Memory = {
    uid,
    settled: null,
    facts: null,
    realized: null,
    status: null,
    figuresWrittenAt: 0,
    asked: null,
    objectivesDifferSince: null,
  };
  memories.set(key, memory);
  return memory;
}

interface Subject {
  readonly key: string;
  readonly resource: KubeObject;
  readonly memory: Memory;
  readonly previous: PipelineStatus;
}

interface Made {
  readonly next: number | null;
  /** What has to be tried again soon. */
  readonly retry: Error | null;
  /** Nothing is left to do until something changes in the cluster. */
  readonly isSettled: boolean;
}

/** Steps 2 to 8. */
async function make(
  { api, cluster, settings, rollouts, now }: ReconcilerOptions,
  compileOnce: CompileOnce,
  { key, resource, memory, previous, logger }: Subject & { readonly logger: Logger },
): Promise<Made> {
  const own = (resource.spec as { readonly image?: string }).image;
  const compiled = compileOnce(resource, own ?? rollouts.imageFor(key, previous.image, settings.pipelineImage));
  if ("faults" in compiled) {
    const [fault] = compiled.faults;
    memory.realized = { fault: fault ?? null, retry: null, waiting: memory.realized?.waiting ?? {} };
    return { next: null, retry: null, isSettled: true };
  }
  const { plan } = compiled;
  const rival = prefixTaken(plan.pipeline, resource, () => others(cluster));
  if (rival !== null) {
    memory.realized = { fault: rival, retry: null, waiting: memory.realized?.waiting ?? {} };
    return { next: FAULT_AGAIN_MILLISECONDS, retry: null, isSettled: false };
  }
  memory.facts = factsOf(plan);
  const failures: Error[] = [];
  const keep = (error: Error) => failures.push(error);
  if (hasFinalizer(resource) !== (plan.pipeline.spec.deletionPolicy === "Delete")) {
    await writeFinalizer(api, resource, !hasFinalizer(resource)).catch(keep);
  }
  const firstTraining = mayTrainFirst(plan, memory, previous, () => cluster.childrenOfKind(JOB, key));
  const realized = await realize({
    plan,
    key,
    uid: memory.uid,
    cluster,
    writer: childWriter({ api, cluster, uid: memory.uid }),
    migrated: previous.sink?.migration,
    firstTraining,
    now: now(),
  });
  const [failure] = failures;
  memory.realized = failure === undefined ? realized : { ...realized, retry: realized.retry ?? troubleOf(failure) };
  if (isDone(plan, cluster)) rollouts.finished(key);
  if (realized.fault !== null) logger.warn({ reason: realized.fault.reason }, realized.fault.message);
  const retry = memory.realized.retry;
  const wantedImage = plan.pipeline.spec.image ?? settings.pipelineImage;
  const isWaiting = Object.keys(realized.waiting).length > 0 || previous.sink?.migration !== plan.migration.hash;
  return {
    next: realized.fault === null ? null : FAULT_AGAIN_MILLISECONDS,
    retry: retry === null ? null : (failure ?? new RetryError(retry.message)),
    isSettled: retry === null && realized.fault === null && !isWaiting && plan.image === wantedImage,
  };
}

function* others(cluster: Cluster): Iterable<KubeObject> {
  for (const key of cluster.pipelines()) {
    const found = cluster.pipeline(key);
    if (found !== undefined) yield found;
  }
}

/** Something could not be reached; the queue waits longer each time. */
class RetryError extends Error {
  override readonly name = "RetryError";
  readonly code = "retry";
}

type CompileOnce = (resource: KubeObject, image: string) => Compiled;

/** @returns `compile`, which remembers the plans of the last resources */
function rememberingCompile({ cluster, settings }: ReconcilerOptions): CompileOnce {
  const plans = new LRUCache<string, Compiled>({ max: MAX_PLANS });
  return (resource, image) => {
    const capabilities = cluster.capabilities();
    const { uid, generation } = resource.metadata;
    const key = JSON.stringify([uid, generation, image, capabilities]);
    const known = plans.get(key);
    if (known !== undefined) return known;
    const compiled = compile(resource, capabilities, { ...settings, pipelineImage: image });
    plans.set(key, compiled);
    return compiled;
  };
}

function factsOf(plan: Plan): Facts {
  const { pipeline, image, prefix, database, roles, urls, migration } = plan;
  const selector = Object.entries(selectorLabels(pipeline, "recommender"));
  return {
    ...{ image, prefix, database, roles, urls, spec: pipeline.spec },
    migrationHash: migration.hash,
    migrationJob: migration.object.metadata.name,
    selector: selector.map(([name, value]) => `${name}=${value}`).join(","),
  };
}

function isDone({ deployments, roles }: Plan, cluster: Cluster): boolean {
  return roles.every((role) => {
    const child = deployments[role];
    if (child === undefined) return true;
    const live = cluster.child(DEPLOYMENT, `${child.object.metadata.namespace ?? ""}/${child.object.metadata.name}`);
    return (
      live?.metadata.annotations?.["productmatcher.dev/template-hash"] ===
        child.object.metadata.annotations?.["productmatcher.dev/template-hash"] && isRolledOut(live)
    );
  });
}

/** Once: when so many events are stored that a run can make something of them, and none was made before. */
function mayTrainFirst(plan: Plan, memory: Memory, previous: PipelineStatus, jobs: () => KubeObject[]): boolean {
  if (plan.pipeline.spec.training.suspend || !awaitsFirstTraining(memory, previous)) return false;
  return !jobs().some((job) => roleOf(job) === "trainer");
}

function awaitsFirstTraining({ asked, facts }: Memory, { training }: PipelineStatus): boolean {
  if (training?.job !== undefined || facts === null) return false;
  const stored = (asked?.answers ?? []).map(({ report }) => report?.source?.storedEvents ?? 0);
  return Math.max(0, ...stored) >= facts.spec.training.minEvents;
}

async function endPipeline(options: ReconcilerOptions, key: string, resource: KubeObject): Promise<number | null> {
  const { api, cluster, settings, events, now } = options;
  const compiled = compile(resource, { gatewayApi: true, keda: true }, settings);
  const { next, events: notes } = await deletePipeline({
    ...{ resource, key, cluster, api, now: now() },
    plan: "plan" in compiled ? compiled.plan : null,
    writer: childWriter({ api, cluster, uid: resource.metadata.uid ?? "" }),
  });
  for (const note of notes) await events.record(resource, note);
  return next;
}

/** Step 9. */
async function look(options: ReconcilerOptions, { key, resource, memory, previous }: Subject): Promise<Sight> {
  const { cluster, now } = options;
  const pods = cluster.pods(key).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const deployments = cluster.childrenOfKind(DEPLOYMENT, key).filter((child) => ownerUid(child) === memory.uid);
  await ask(memory, pods, previous, now);
  const sight: Sight = {
    ...{ resource, previous, facts: memory.facts, realized: memory.realized, pods, now: now() },
    deployments: Object.fromEntries(deployments.map((child) => [roleOf(child) as StandingRole, child])),
    jobs: cluster.childrenOfKind(JOB, key),
    asked: memory.asked?.answers ?? null,
    objectives: { differsSince: memory.objectivesDifferSince },
  };
  const met = previous.conditions?.find(({ type }) => type === "ObjectivesMet")?.status;
  const found = objectivesNow(sight);
  const isOther = found !== null && met !== "Unknown" && met !== undefined && found.status !== met;
  memory.objectivesDifferSince = isOther ? (memory.objectivesDifferSince ?? now()) : null;
  return { ...sight, objectives: { differsSince: memory.objectivesDifferSince } };
}

/** When the pods are others than before, or it is time. */
async function ask(memory: Memory, pods: readonly KubeObject[], previous: PipelineStatus, now: () => number) {
  const answering = answeringPods(pods);
  const names = answering.map(({ metadata }) => metadata.uid).join(",");
  if (memory.asked?.pods === names && (names === "" || now() - memory.asked.at < pauseOf(previous))) return;
  memory.asked = { at: now(), pods: names, answers: await askPods(answering) };
}

function pauseOf({ conditions = [] }: PipelineStatus): number {
  const amiss = conditions.some(({ type, status }) => status !== "True" && type !== "TrainingSucceeded");
  return amiss ? ASK_WHILE_AMISS_MILLISECONDS : ASK_AT_REST_MILLISECONDS;
}

/** Step 10. Written only when it changed, and for figures alone once a minute. */
async function tell(
  { api, events, figures, now }: ReconcilerOptions,
  { key, resource, memory, sight }: Omit<Subject, "previous"> & { readonly sight: Sight },
): Promise<void> {
  const { previous } = sight;
  const status = statusOf(sight);
  figures.show(key, status, memory.facts?.spec.objectives);
  if (!differs(previous, status)) return;
  const more = differsInMoreThanFigures(previous, status);
  if (!more && now() - memory.figuresWrittenAt < FIGURES_MILLISECONDS) return;
  const { apiVersion, kind, metadata } = resource;
  const { namespace, name } = splitKey(key);
  const body = { apiVersion, kind, metadata: { namespace, name, uid: metadata.uid ?? "" }, status };
  const answer = await apply(body, { api, kind: PIPELINE, manager: MANAGER, subresource: "status" }).catch((error) => {
    // It went with its finalizer.
    if (metadata.deletionTimestamp !== undefined) return null;
    throw error;
  });
  if (answer === null) return;
  memory.status = { version: BigInt(answer.metadata.resourceVersion ?? 0), value: status };
  memory.figuresWrittenAt = now();
  for (const note of eventsOf(previous.conditions ?? [], status.conditions ?? [])) await events.record(resource, note);
}

/** What the status says: as written last, unless the cache has seen a later version. */
function previousStatus({ metadata, status }: KubeObject, memory: Memory): PipelineStatus {
  const cached = BigInt(metadata.resourceVersion ?? 0);
  if (memory.status !== null && memory.status.version > cached) return memory.status.value;
  memory.status = null;
  return (status as PipelineStatus | undefined) ?? {};
}

/** The soonest moment at which something is due without any change. */
function nextLook(sight: Sight, memory: Memory, now: number): number | null {
  const dues: number[] = [];
  if (memory.asked !== null && memory.asked.pods !== "")
    dues.push(memory.asked.at + pauseOf(statusSoFar(sight, memory)));
  if (memory.objectivesDifferSince !== null) dues.push(memory.objectivesDifferSince + TWO_MINUTES);
  const job = migrationJobOf(sight);
  const failedAt = job === undefined ? Number.NaN : Date.parse(jobFailure(job)?.at ?? "");
  if (!Number.isNaN(failedAt) && sight.previous.sink?.migration !== sight.facts?.migrationHash) {
    dues.push(failedAt + MIGRATION_AGAIN_MILLISECONDS);
  }
  for (const { reason, lastTransitionTime } of statusSoFar(sight, memory).conditions ?? []) {
    if (reason !== "SecretMissing" && reason !== "ImagePullFailed") continue;
    const due = Date.parse(lastTransitionTime) + FIVE_MINUTES;
    if (due > now) dues.push(due);
  }
  return dues.length === 0 ? null : Math.max(Math.min(...dues) - now, 500);
}

function statusSoFar({ previous }: Sight, memory: Memory): PipelineStatus {
  return memory.status?.value ?? previous;
}

function soonest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
