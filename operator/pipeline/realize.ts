/** Makes the children of a plan, in order, and removes what is not wanted any more. */
import type { KubeObject } from "../runtime/index.ts";
import { isTransient, keyOf } from "../runtime/index.ts";
import type { Cluster } from "./cluster.ts";
import type { Child, Plan } from "./compile.ts";
import { AUTOSCALER, JOB, SCALED_OBJECT } from "./kinds.ts";
import { ownerUid, roleOf, type StandingRole, TEMPLATE_HASH } from "./names.ts";
import { isRolledOut, jobFailure, jobOutcome } from "./pods.ts";
import type { Realized } from "./sight.ts";
import { ChildError, troubleOf, type Writer } from "./writer.ts";

export interface RealizeOptions {
  readonly plan: Plan;
  /** `<namespace>/<name>` */
  readonly key: string;
  readonly uid: string;
  readonly cluster: Cluster;
  readonly writer: Writer;
  /** Hash of the last migration that succeeded, as far as is known. */
  readonly migrated: string | undefined;
  /** Whether the first training may begin: enough events are stored, and no run was made before. */
  readonly firstTraining: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A Job that failed is made again after this; within it a person reads what it said. */
export const MIGRATION_AGAIN_MILLISECONDS = 120_000;

/**
 * Nothing that fails keeps the rest from being made: what cannot be made is told, what could not be reached is tried
 * again.
 */
export async function realize(options: RealizeOptions): Promise<Realized> {
  const { plan, writer } = options;
  const failures: unknown[] = [];
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ChildError) && !isTransient(error)) throw error;
      failures.push(error);
    }
  };
  const writeAll = async (children: readonly Child[]) => {
    for (const child of children) await attempt(() => writer.write(child));
  };

  await writeAll(plan.base);
  const isMigrated = await migrate(options, attempt);
  const waiting = await deploy(options, isMigrated, attempt);
  if (isMigrated) await writeAll(plan.rest);
  if (isMigrated && options.firstTraining) await attempt(() => writer.write(plan.firstTraining));
  await removeUnwanted(options, isMigrated, attempt);

  const fault = failures.find((error) => error instanceof ChildError);
  const retry = failures.find((error) => !(error instanceof ChildError));
  return {
    fault: fault === undefined ? null : troubleOf(fault),
    retry: retry === undefined ? null : troubleOf(retry),
    waiting,
  };
}

type Attempt = (work: () => Promise<void>) => Promise<void>;

/** Resolves with whether the tables are those of the plan. */
async function migrate(options: RealizeOptions, attempt: Attempt): Promise<boolean> {
  const { plan, cluster, writer, migrated, now } = options;
  const { kind, object, hash } = plan.migration;
  const job = cluster.child(kind, keyOf(object));
  // Also of tables that are migrated: repeated, it changes nothing, and the Job says that they are.
  if (job === undefined || ownerUid(job) !== options.uid) await attempt(() => writer.write(plan.migration));
  else if (jobOutcome(job) === "succeeded") return true;
  else if (now - Date.parse(jobFailure(job)?.at ?? "") >= MIGRATION_AGAIN_MILLISECONDS) {
    await attempt(() => writer.remove(kind, job));
  }
  return migrated === hash;
}

/** Collector and consumer, then the recommender. What runs goes on running while it waits. */
async function deploy(options: RealizeOptions, isMigrated: boolean, attempt: Attempt): Promise<Realized["waiting"]> {
  const { plan, cluster, writer } = options;
  const waiting: Partial<Record<StandingRole, "WaitingForMigration" | "WaitingForConsumers">> = {};
  for (const role of plan.roles) {
    const child = plan.deployments[role];
    if (child === undefined) continue;
    const live = cluster.child(child.kind, keyOf(child.object));
    const changesPods = live === undefined || templateHash(live) !== templateHash(child.object);
    const consumer = plan.deployments.consumer;
    const consumersDone =
      role !== "recommender" ||
      consumer === undefined ||
      isRolledOut(cluster.child(consumer.kind, keyOf(consumer.object)));
    if (changesPods && !isMigrated) waiting[role] = "WaitingForMigration";
    else if (changesPods && !consumersDone) waiting[role] = "WaitingForConsumers";
    else
      await attempt(async () => {
        await removeScalers(options, child);
        await writer.write(child);
      });
  }
  return waiting;
}

function templateHash(deployment: KubeObject): string | undefined {
  return deployment.metadata.annotations?.[TEMPLATE_HASH];
}

/** Before the operator decides on replicas again: two would write them. */
async function removeScalers({ cluster, writer, key, uid, plan }: RealizeOptions, deployment: Child): Promise<void> {
  if (!("replicas" in (deployment.object.spec as object))) return;
  const wanted = new Set(plan.rest.map(({ kind, object }) => `${kind.kind} ${keyOf(object)}`));
  for (const { kind, object } of cluster.children(key)) {
    if (kind !== AUTOSCALER && kind !== SCALED_OBJECT) continue;
    const ofRole = roleOf(object) === roleOf(deployment.object) && ownerUid(object) === uid;
    if (ofRole && !wanted.has(`${kind.kind} ${keyOf(object)}`)) await writer.remove(kind, object);
  }
}

/** Children of ours that the plan has not. Former migrations stay until the one of now has succeeded. */
async function removeUnwanted(options: RealizeOptions, isMigrated: boolean, attempt: Attempt): Promise<void> {
  const { plan, cluster, writer, key, uid } = options;
  const planned = [...plan.base, plan.migration, ...Object.values(plan.deployments), ...plan.rest, plan.firstTraining];
  const wanted = new Set(planned.map(({ kind, object }) => `${kind.kind} ${keyOf(object)}`));
  for (const { kind, object } of cluster.children(key)) {
    if (ownerUid(object) !== uid || wanted.has(`${kind.kind} ${keyOf(object)}`)) continue;
    if (object.metadata.deletionTimestamp !== undefined) continue;
    if (kind === JOB && roleOf(object) === "migrate" && !isMigrated) continue;
    await attempt(() => writer.remove(kind, object));
  }
}
