/** The kinds that the operator reads and writes. */
import { GROUP, KIND, VERSION } from "../../crds/index.ts";
import type { ResourceKind } from "../runtime/index.ts";

const kind = (group: string, version: string, name: string, plural: string): ResourceKind => {
  return { group, version, kind: name, plural };
};

export const PIPELINE = kind(GROUP, VERSION, KIND, "recommenderpipelines");
export const POD = kind("", "v1", "Pod", "pods");

export const CONFIG_MAP = kind("", "v1", "ConfigMap", "configmaps");
export const SERVICE = kind("", "v1", "Service", "services");
export const SERVICE_ACCOUNT = kind("", "v1", "ServiceAccount", "serviceaccounts");
export const DEPLOYMENT = kind("apps", "v1", "Deployment", "deployments");
export const CRON_JOB = kind("batch", "v1", "CronJob", "cronjobs");
export const JOB = kind("batch", "v1", "Job", "jobs");
export const AUTOSCALER = kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers");
export const DISRUPTION_BUDGET = kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets");
export const NETWORK_POLICY = kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies");
export const INGRESS = kind("networking.k8s.io", "v1", "Ingress", "ingresses");
export const HTTP_ROUTE = kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes");
export const SCALED_OBJECT = kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects");
export const TRIGGER_AUTHENTICATION = kind("keda.sh", "v1alpha1", "TriggerAuthentication", "triggerauthentications");

/** Kinds of children that every cluster has. */
export const STANDARD_KINDS: readonly ResourceKind[] = [
  SERVICE_ACCOUNT,
  NETWORK_POLICY,
  CONFIG_MAP,
  SERVICE,
  JOB,
  DEPLOYMENT,
  CRON_JOB,
  DISRUPTION_BUDGET,
  AUTOSCALER,
  INGRESS,
];

/** What a cluster may have, found through discovery. */
export interface Capabilities {
  readonly gatewayApi: boolean;
  readonly keda: boolean;
}

export const OPTIONAL_KINDS: Readonly<Record<keyof Capabilities, readonly ResourceKind[]>> = {
  gatewayApi: [HTTP_ROUTE],
  keda: [SCALED_OBJECT, TRIGGER_AUTHENTICATION],
};
