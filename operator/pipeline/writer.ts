/** Writes children: only where they differ, never over somebody else's. */
import {
  ApiError,
  type ApiServer,
  apply,
  difference,
  find,
  holdsField,
  isNotFound,
  isTransient,
  type KubeObject,
  keyOf,
  ownedFields,
  type ResourceKind,
  remove,
} from "../runtime/index.ts";
import type { Cluster } from "./cluster.ts";
import type { Child } from "./compile.ts";
import { JOB } from "./kinds.ts";
import { MANAGER, ownerUid, SCALE_MANAGER } from "./names.ts";
import type { Trouble } from "./pods.ts";

/** A child could not be made as it should be, and trying again alone does not help. */
export class ChildError extends Error {
  override readonly name = "ChildError";
  readonly code: "NameTaken" | "ChildRejected" | "Forbidden";

  constructor(code: ChildError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export interface Writer {
  /** @throws ChildError, ApiError and ConnectionError when trying again may do */
  write(child: Child): Promise<void>;
  /** Gone is as good. */
  remove(kind: ResourceKind, object: KubeObject): Promise<void>;
}

export interface WriterOptions {
  readonly api: ApiServer;
  readonly cluster: Cluster;
  /** Uid of the pipeline that the children belong to. */
  readonly uid: string;
}

export function childWriter({ api, cluster, uid }: WriterOptions): Writer {
  const write = async (child: Child) => {
    const { kind, object } = child;
    const cached = cluster.child(kind, keyOf(object));
    // The cache watches our labels alone, and may be a moment behind.
    const found = cached ?? (await find(api, kind, object.metadata.namespace ?? "", object.metadata.name));
    if (found !== null && ownerUid(found) !== uid) throw taken(kind, object, found);
    // A Job's pods cannot be changed: another Job has another name.
    if (found !== null && kind === JOB) return;
    if (cached !== undefined && difference(object, cached, MANAGER) === null) return;
    if (cached !== undefined) await handOverReplicas(child, cached);
    await apply(found === null ? firstForm(child) : object, { api, kind, manager: MANAGER });
  };

  /** Who drops replicas as their only owner sets them to 1: another manager holds them until the scaler writes its own. */
  const handOverReplicas = async ({ kind, object }: Child, found: KubeObject) => {
    const owned = holdsField(ownedFields(found.metadata.managedFields, MANAGER), "spec.replicas");
    if (!owned || "replicas" in ((object.spec as object | undefined) ?? {})) return;
    const { replicas } = found.spec as { readonly replicas?: number };
    const { name, namespace } = object.metadata;
    const held = {
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      spec: { replicas },
    };
    await apply(held, { api, kind, manager: SCALE_MANAGER });
  };

  return {
    write: (child) => write(child).catch((error) => Promise.reject(childError(child, error))),
    async remove(kind, { metadata: { namespace = "", name, uid: own = "" } }) {
      try {
        await remove({ api, kind, namespace, name, uid: own });
      } catch (error) {
        // Conflict: another object of the name was made meanwhile.
        if (!isNotFound(error) && !(error instanceof ApiError && error.code === 409)) throw error;
      }
    },
  };
}

/** Without replicas a Deployment would begin with one pod, and wait for its scaler. They are handed over at the next look. */
function firstForm({ object, firstReplicas }: Child): KubeObject {
  const spec = object.spec as { readonly replicas?: number } | undefined;
  if (firstReplicas === undefined || spec === undefined || spec.replicas !== undefined) return object;
  return { ...object, spec: { ...spec, replicas: firstReplicas } };
}

function taken(kind: ResourceKind, object: KubeObject, found: KubeObject): ChildError | ApiError {
  const name = `${kind.kind} ${object.metadata.name}`;
  const former = found.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const ours = object.metadata.ownerReferences?.[0];
  if (former !== undefined && former.kind === ours?.kind && former.name === ours.name) {
    // Of a pipeline of this name that was deleted a moment ago: the garbage collector is on its way.
    return new ApiError(name, 409, {
      reason: "Conflict",
      message: "it is still that of the former resource of this name",
    });
  }
  const owner = former === undefined ? "nobody that the operator knows" : `${former.kind} ${former.name}`;
  return new ChildError(
    "NameTaken",
    `${name} exists and belongs to ${owner}: remove it, or give the pipeline another name`,
  );
}

function childError({ kind, object }: Child, error: unknown): unknown {
  if (!(error instanceof ApiError) || isTransient(error)) return error;
  const name = `${kind.kind} ${object.metadata.name}`;
  // Of admission: quota, policies, webhooks; a missing right has another sentence.
  if (error.code === 403 && /cannot \w+ resource/.test(error.sentence)) {
    return new ChildError("Forbidden", `the operator lacks a right: ${error.sentence}`, error);
  }
  if (error.code === 404)
    return new ChildError("ChildRejected", `${name}: the API server does not know ${kind.kind}`, error);
  return new ChildError("ChildRejected", `${name}: ${error.sentence}`, error);
}

/** For a condition. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof ChildError) return { reason: error.code, message: error.message };
  return { reason: "Retrying", message: error instanceof Error ? `${error.message}.` : String(error) };
}
