/** What the children of a pipeline are called and labelled. */
import { API_VERSION, KIND, type RecommenderPipeline } from "../../crds/index.ts";
import type { KubeObject, ObjectMeta, OwnerReference } from "../runtime/index.ts";

/** The operator, as field manager and in labels. */
export const MANAGER = "productmatcher-operator";
/** Holds the replicas of a Deployment while they are handed over to an autoscaler. */
export const SCALE_MANAGER = "productmatcher-scale";
export const MANAGED_BY = `app.kubernetes.io/managed-by=${MANAGER}`;
export const CONFIG_HASH = "productmatcher.dev/config-hash";
/** On a Deployment, of its pod template: whether new pods would come of writing it. */
export const TEMPLATE_HASH = "productmatcher.dev/template-hash";
export const SKIP_CLEANUP = "productmatcher.dev/skip-cleanup";
export const FINALIZER = "productmatcher.dev/cleanup";

/** Roles that run as long as the pipeline does. */
export type StandingRole = "collector" | "consumer" | "recommender";
/** A role is the last part of its children's names and their component label. */
export type Role = StandingRole | "trainer" | "migrate" | "cleanup";

/** What the program calls the role, as its first argument. */
export const PROGRAM: Readonly<Record<Role, string>> = {
  collector: "collector",
  consumer: "consume",
  recommender: "serve",
  trainer: "train",
  migrate: "migrate",
  cleanup: "cleanup",
};

export function childName(pipeline: RecommenderPipeline, role: Role): string {
  return `${pipeline.metadata.name}-${role}`;
}

/** What pods of a role are found by; never more, since a Deployment's selector cannot change. */
export function selectorLabels(pipeline: RecommenderPipeline, role: Role): Record<string, string> {
  return {
    "app.kubernetes.io/name": "productmatcher",
    "app.kubernetes.io/instance": pipeline.metadata.name,
    "app.kubernetes.io/component": role,
  };
}

export function childLabels(pipeline: RecommenderPipeline, role: Role): Record<string, string> {
  return {
    ...selectorLabels(pipeline, role),
    "app.kubernetes.io/part-of": pipeline.metadata.name,
    "app.kubernetes.io/managed-by": MANAGER,
  };
}

/** Of a child: name, labels, owner. */
export function childMeta(pipeline: RecommenderPipeline, role: Role, name = childName(pipeline, role)): ObjectMeta {
  const { namespace, uid } = pipeline.metadata;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    name,
    labels: childLabels(pipeline, role),
    // A resource in a file has no uid yet: what `render` prints has no owner.
    ...(uid === undefined ? {} : { ownerReferences: [ownerReference(pipeline.metadata.name, uid)] }),
  };
}

function ownerReference(name: string, uid: string): OwnerReference {
  return { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The uid of the pipeline that an object belongs to; `null`: of none. */
export function ownerUid({ metadata }: KubeObject): string | null {
  return metadata.ownerReferences?.find(({ controller, kind }) => controller === true && kind === KIND)?.uid ?? null;
}

/** The key of the pipeline that an object is part of, by its labels: pods are owned by others in between. */
export function pipelineKey({ metadata }: KubeObject): string | null {
  const name = metadata.labels?.["app.kubernetes.io/part-of"];
  return name === undefined ? null : `${metadata.namespace ?? ""}/${name}`;
}

export function roleOf({ metadata }: KubeObject): string {
  return metadata.labels?.["app.kubernetes.io/component"] ?? "";
}
