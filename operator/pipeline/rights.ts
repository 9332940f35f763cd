/**
 * The rights of the operator: a ClusterRole, or the same as a Role in each watched namespace. Nothing on Secrets (to
 * list or watch them, even their metadata, is to read them), namespaces, nodes, roles or definitions.
 */
import { GROUP } from "../../crds/index.ts";
import { LEASE, type ResourceKind } from "../runtime/index.ts";
import { type Capabilities, OPTIONAL_KINDS, PIPELINE, STANDARD_KINDS } from "./kinds.ts";

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const OF_CHILDREN = ["list", "watch", "create", "patch", "delete"];

/** In the namespaces with pipelines. */
export function pipelineRights({ gatewayApi, keda }: Capabilities): Rule[] {
  const kinds = [
    ...STANDARD_KINDS,
    ...(gatewayApi ? OPTIONAL_KINDS.gatewayApi : []),
    ...(keda ? OPTIONAL_KINDS.keda : []),
  ];
  return [
    { apiGroups: [GROUP], resources: [PIPELINE.plural], verbs: ["list", "watch", "patch"] },
    { apiGroups: [GROUP], resources: [`${PIPELINE.plural}/status`], verbs: ["patch"] },
    // For blockOwnerDeletion, where the cluster asks for it.
    { apiGroups: [GROUP], resources: [`${PIPELINE.plural}/finalizers`], verbs: ["update"] },
    ...byGroup(kinds).map(([group, resources]) => ({ apiGroups: [group], resources, verbs: OF_CHILDREN })),
    { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
    { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
  ];
}

/** In the operator's own namespace. */
export function leaseRights(name: string): Rule[] {
  const lease = { apiGroups: [LEASE.group], resources: [LEASE.plural] };
  return [
    { ...lease, verbs: ["create"] },
    { ...lease, verbs: ["get", "update"], resourceNames: [name] },
  ];
}

function byGroup(kinds: readonly ResourceKind[]): [string, string[]][] {
  const groups = Map.groupBy(kinds, ({ group }) => group);
  return [...groups].map(([group, members]) => [group, members.map(({ plural }) => plural).toSorted()]);
}
