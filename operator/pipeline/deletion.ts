/**
 * The end of a pipeline with `deletionPolicy: Delete`: what runs is stopped, then a Job removes tables, group and
 * topics, then the resource goes. It never hangs: after ten minutes, or where no Job can be made, the data stays and an
 * event says so.
 */
import {
  ApiError,
  type ApiServer,
  apply,
  type EventNote,
  isNotFound,
  type KubeObject,
  keyOf,
} from "../runtime/index.ts";
import type { Cluster } from "./cluster.ts";
import type { Plan } from "./compile.ts";
import { CRON_JOB, DEPLOYMENT, JOB, PIPELINE } from "./kinds.ts";
import { FINALIZER, MANAGER, ownerUid, roleOf, SKIP_CLEANUP } from "./names.ts";
import { jobFailure, jobOutcome, lastWordsOf, podsOfJob } from "./pods.ts";
import { ChildError, type Writer } from "./writer.ts";

export const GIVE_UP_MILLISECONDS = 600_000;
const LOOK_AGAIN_MILLISECONDS = 5_000;

export interface DeletionOptions {
  readonly resource: KubeObject;
  readonly key: string;
  /** `null`: the resource is not valid, so that nothing is known to clean up. */
  readonly plan: Plan | null;
  readonly cluster: Cluster;
  readonly writer: Writer;
  readonly api: ApiServer;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface DeletionStep {
  /** Milliseconds after which to look again; `null`: when something changes. */
  readonly next: number | null;
  readonly events: readonly EventNote[];
}

/** One step; done again until the resource is gone. @throws ApiError, ConnectionError */
export async function deletePipeline(options: DeletionOptions): Promise<DeletionStep> {
  const { resource, plan, cluster, writer, key, now } = options;
  if (!hasFinalizer(resource)) return { next: null, events: [] };
  const { uid, annotations, deletionTimestamp = "" } = resource.metadata;
  if (annotations?.[SKIP_CLEANUP] === "true") return letGo(options, `annotation ${SKIP_CLEANUP} is set`);
  if (plan === null) return letGo(options, "the resource is not valid");
  if (now - Date.parse(deletionTimestamp) >= GIVE_UP_MILLISECONDS) return letGo(options, whatHinders(options));

  const mine = cluster.children(key).filter(({ object }) => ownerUid(object) === uid);
  const runs = mine.filter(
    ({ kind, object }) => kind === CRON_JOB || kind === DEPLOYMENT || (kind === JOB && roleOf(object) !== "cleanup"),
  );
  for (const { kind, object } of runs) {
    if (object.metadata.deletionTimestamp === undefined) await writer.remove(kind, object);
  }
  const others = cluster.pods(key).filter((pod) => roleOf(pod) !== "cleanup");
  if (runs.length > 0 || others.length > 0) return { next: LOOK_AGAIN_MILLISECONDS, events: [] };

  const job = mine.find(({ kind, object }) => kind === JOB && roleOf(object) === "cleanup")?.object;
  if (job !== undefined && jobOutcome(job) === "succeeded") return letGo(options, null);
  // A Job that failed stays, so that a person can read what it said, until time is up.
  if (job === undefined) {
    try {
      for (const child of plan.cleanup) await writer.write(child);
    } catch (error) {
      if (isTerminating(error)) return letGo(options, "the namespace is being deleted, where no Job can be made");
      if (!(error instanceof ChildError)) throw error;
    }
  }
  return { next: LOOK_AGAIN_MILLISECONDS, events: [] };
}

export function hasFinalizer({ metadata }: KubeObject): boolean {
  return metadata.finalizers?.includes(FINALIZER) ?? false;
}

/** Sets the finalizer or takes it away. @throws ApiError, ConnectionError */
export async function writeFinalizer(api: ApiServer, resource: KubeObject, wanted: boolean): Promise<void> {
  const { apiVersion, kind, metadata } = resource;
  const { name, namespace = "", uid = "" } = metadata;
  // With the uid, so that it is not made anew when it has just gone.
  const body = { apiVersion, kind, metadata: { name, namespace, uid, ...(wanted ? { finalizers: [FINALIZER] } : {}) } };
  try {
    await apply(body, { api, kind: PIPELINE, manager: MANAGER });
  } catch (error) {
    const gone = isNotFound(error) || (error instanceof ApiError && error.code === 409);
    if (wanted || !gone) throw error;
  }
}

/** @param why the data stays; `null`: it is gone */
async function letGo({ resource, plan, api }: DeletionOptions, why: string | null): Promise<DeletionStep> {
  await writeFinalizer(api, resource, false);
  if (why === null) return { next: null, events: [] };
  const data = plan === null ? "its data" : `database ${plan.database} and the topics and group ${plan.prefix}`;
  const note = `Deleted without cleaning up: ${why}. What stays: ${data}.`;
  return { next: null, events: [{ type: "Warning", reason: "CleanupSkipped", action: "Delete", note }] };
}

function whatHinders({ cluster, key, resource }: DeletionOptions): string {
  const job = cluster
    .children(key)
    .find(
      ({ kind, object }) => kind === JOB && roleOf(object) === "cleanup" && ownerUid(object) === resource.metadata.uid,
    );
  if (job === undefined) return "its pods did not end within ten minutes";
  const said = podsOfJob(cluster.pods(key), job.object)
    .map(lastWordsOf)
    .findLast(({ message }) => message)?.message;
  const failed = jobFailure(job.object) === null ? "did not end" : "failed";
  return `Job ${keyOf(job.object)} ${failed} within ten minutes${said === undefined ? "" : ` (${said})`}`;
}

function isTerminating(error: unknown): boolean {
  const cause = error instanceof ChildError ? error.cause : error;
  return cause instanceof ApiError && cause.code === 403 && /being terminated/.test(cause.sentence);
}
