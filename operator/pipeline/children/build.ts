/** What every builder of a child is given, and the pieces that they share. */
import type { RecommenderPipeline } from "../../../crds/index.ts";
import { apiVersionOf, type KubeObject, type ObjectMeta, type ResourceKind } from "../../runtime/index.ts";
import type { StandingRole } from "../names.ts";
import type { OperatorSettings } from "../settings.ts";

export interface Build {
  readonly pipeline: RecommenderPipeline;
  readonly settings: OperatorSettings;
  /** Of every role. */
  readonly image: string;
}

/** What a role has in common with the others in the spec. */
export type RoleSpec = NonNullable<
  | RecommenderPipeline["spec"]["collector"]
  | RecommenderPipeline["spec"]["consumer"]
  | RecommenderPipeline["spec"]["serving"]
>;

/** `undefined`: the pipeline has no such role. */
export function roleSpec({ spec }: RecommenderPipeline, role: StandingRole): RoleSpec | undefined {
  if (role === "collector") return spec.collector;
  return role === "consumer" ? spec.consumer : spec.serving;
}

/** An object as it is sent: fields that are undefined are left out. */
export function child(kind: ResourceKind, metadata: ObjectMeta, fields: object): KubeObject {
  const object = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata, ...fields };
  return JSON.parse(JSON.stringify(object)) as KubeObject;
}
