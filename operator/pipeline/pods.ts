/** What is wrong with the pods of a role, from what the cluster says of them. */
import { type LastWords, readLastWords } from "../../services/role-report/index.ts";
import type { KubeObject } from "../runtime/index.ts";

/** Why something is not as it should be, for a condition. */
export interface Trouble {
  readonly reason: string;
  /** The object, what was found, what to do. */
  readonly message: string;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: object;
  readonly terminated?: {
    readonly reason?: string;
    readonly exitCode?: number;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
  };
}

export interface PodStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
  readonly containerStatuses?: readonly {
    readonly ready?: boolean;
    readonly restartCount?: number;
    readonly state?: ContainerState;
    readonly lastState?: ContainerState;
  }[];
}

export interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly unavailableReplicas?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
}

/** Reasons that a role may give for itself, in its last words or its report. */
const OWN_REASONS = new Set(["SecretMissing", "SecretKeyMissing", "ConfigurationRejected"]);
const PULL_REASONS = new Set(["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"]);

export function podStatus(pod: KubeObject): PodStatus {
  return (pod.status as PodStatus | undefined) ?? {};
}

export function isReady(pod: KubeObject): boolean {
  return podStatus(pod).conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/** What a pod's container said when it last ended. */
export function lastWordsOf(pod: KubeObject): LastWords {
  const [container] = podStatus(pod).containerStatuses ?? [];
  return readLastWords((container?.state?.terminated ?? container?.lastState?.terminated)?.message);
}

/** The gravest trouble of the pods; `null`: the cluster sees none. */
export function podTrouble(pods: readonly KubeObject[]): Trouble | null {
  const troubles = pods.flatMap((pod) => troubleOf(pod) ?? []);
  return troubles.find(({ reason }) => reason !== "CrashLooping") ?? troubles[0] ?? null;
}

function troubleOf(pod: KubeObject): Trouble | null {
  const { conditions, containerStatuses } = podStatus(pod);
  const name = `pod ${pod.metadata.name}`;
  const scheduled = conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False" && scheduled.reason === "Unschedulable") {
    return { reason: "Unschedulable", message: `${name} fits on no node: ${scheduled.message ?? "no reason given"}` };
  }
  const [container] = containerStatuses ?? [];
  const waiting = container?.state?.waiting;
  if (waiting?.reason !== undefined && PULL_REASONS.has(waiting.reason)) {
    const message = `${name} cannot pull its image: ${waiting.message ?? waiting.reason}; check image and imagePullSecrets`;
    return { reason: "ImagePullFailed", message };
  }
  const ended = container?.state?.terminated ?? container?.lastState?.terminated;
  if (ended === undefined || container?.ready === true || container?.state?.running !== undefined) return null;
  const words = readLastWords(ended.message);
  if (words.reason !== undefined && OWN_REASONS.has(words.reason)) {
    return { reason: words.reason, message: `${name}: ${words.message ?? words.reason}` };
  }
  if (ended.reason === "OOMKilled") {
    return {
      reason: "OutOfMemory",
      message: `${name} was ended for its memory: raise resources.limits.memory of the role`,
    };
  }
  if (ended.exitCode === 0) return null;
  const said = words.message === undefined ? "" : `: ${words.message}`;
  return { reason: "CrashLooping", message: `${name} ended with ${ended.exitCode ?? "an error"}${said}` };
}

/** Trouble that the Deployment tells. */
export function deploymentTrouble(deployment: KubeObject): Trouble | null {
  const { conditions } = deploymentStatus(deployment);
  const name = `Deployment ${deployment.metadata.name}`;
  const rejected = conditions?.find(({ type, status }) => type === "ReplicaFailure" && status === "True");
  if (rejected !== undefined)
    return { reason: "PodsRejected", message: `${name}: ${rejected.message ?? "no reason given"}` };
  const stuck = conditions?.find(({ type, status }) => type === "Progressing" && status === "False");
  if (stuck?.reason !== "ProgressDeadlineExceeded") return null;
  return { reason: "RolloutStuck", message: `${name} makes no progress: its new pods do not become ready` };
}

export function deploymentStatus(deployment: KubeObject): DeploymentStatus {
  return (deployment.status as DeploymentStatus | undefined) ?? {};
}

/** Whether every pod is of the newest template and available. */
export function isRolledOut(deployment: KubeObject | undefined): boolean {
  if (deployment === undefined) return false;
  const {
    observedGeneration = 0,
    updatedReplicas = 0,
    replicas = 0,
    unavailableReplicas = 0,
  } = deploymentStatus(deployment);
  const wanted = (deployment.spec as { readonly replicas?: number }).replicas ?? 1;
  const current = observedGeneration >= (deployment.metadata.generation ?? 0);
  return current && updatedReplicas >= wanted && replicas <= updatedReplicas && unavailableReplicas === 0;
}

export type JobOutcome = "running" | "succeeded" | "failed";

interface JobStatus {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly lastTransitionTime?: string;
  }[];
  readonly startTime?: string;
  readonly completionTime?: string;
}

export function jobStatus(job: KubeObject): JobStatus {
  return (job.status as JobStatus | undefined) ?? {};
}

export function jobOutcome(job: KubeObject): JobOutcome {
  if (endOf(job, "Complete") !== undefined) return "succeeded";
  return endOf(job, "Failed") === undefined ? "running" : "failed";
}

/** Reason and time of a Job's failure. */
export function jobFailure(job: KubeObject): { readonly reason: string; readonly at: string | undefined } | null {
  const failed = endOf(job, "Failed");
  return failed === undefined ? null : { reason: failed.reason ?? "", at: failed.lastTransitionTime };
}

function endOf(job: KubeObject, wanted: string) {
  return jobStatus(job).conditions?.find(({ type, status }) => type === wanted && status === "True");
}

/** Pods of a Job, the newest last. */
export function podsOfJob(pods: readonly KubeObject[], job: KubeObject): KubeObject[] {
  return pods
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid))
    .toSorted((a, b) => ((a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? -1 : 1));
}
