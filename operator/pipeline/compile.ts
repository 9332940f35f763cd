/**
 * From a resource to what there should be: the children, in the order in which they are made, or the faults that stand
 * against it. Pure: the same resource gives the same bytes.
 */
import { pipelineSchema, type RecommenderPipeline } from "../../crds/index.ts";
import { type Finding, knownFields, namesOf, pathText, validatePipeline } from "../../services/config/index.ts";
import type { KubeObject, ResourceKind } from "../runtime/index.ts";
import { autoscaler } from "./children/autoscaler.ts";
import { type Build, roleSpec } from "./children/build.ts";
import { liveConfigMap, roleConfigMap } from "./children/config-map.ts";
import { cronJob } from "./children/cron-job.ts";
import { deployment } from "./children/deployment.ts";
import { disruptionBudget } from "./children/disruption-budget.ts";
import { exposureOf, httpRoute, ingress, urlOf } from "./children/exposure.ts";
import { cleanupJob, firstTrainingJob, migrationHash, migrationJob } from "./children/job.ts";
import { networkPolicy } from "./children/network-policy.ts";
import { scaledObject, triggerAuthentication } from "./children/scaled-object.ts";
import { service } from "./children/service.ts";
import { serviceAccount } from "./children/service-account.ts";
import { imageFault } from "./image.ts";
import type { Capabilities } from "./kinds.ts";
import * as kinds from "./kinds.ts";
import type { Role, StandingRole } from "./names.ts";
import type { OperatorSettings } from "./settings.ts";

export interface Child {
  readonly kind: ResourceKind;
  readonly object: KubeObject;
  /** Of a Deployment that a scaler moves: with how many pods it begins. */
  readonly firstReplicas?: number;
}

export interface Plan {
  readonly pipeline: RecommenderPipeline;
  readonly image: string;
  /** Beginning of the pipeline's topics, and its consumer group. */
  readonly prefix: string;
  readonly database: string;
  readonly roles: readonly StandingRole[];
  readonly urls: { readonly collector: string | undefined; readonly recommender: string | undefined };
  /** Accounts, policies, files, Services: nothing that runs. */
  readonly base: readonly Child[];
  readonly migration: Child & { readonly hash: string };
  readonly deployments: Readonly<Partial<Record<StandingRole, Child>>>;
  /** What surrounds running pods: schedule, budgets, scalers, exposure. */
  readonly rest: readonly Child[];
  readonly firstTraining: Child;
  readonly cleanup: readonly Child[];
}

export type ConfigurationReason =
  | "MappingInvalid"
  | "RuleInvalid"
  | "ExperimentInvalid"
  | "ScheduleInvalid"
  | "ImageUnsupported"
  | "KedaMissing"
  | "GatewayApiMissing";

export interface ConfigurationFault {
  readonly reason: ConfigurationReason;
  /** Field, what was found, what to do. */
  readonly message: string;
}

export type Compiled =
  | { readonly plan: Plan }
  /** At least one. */
  | { readonly faults: readonly ConfigurationFault[] };

/** @param resource as the API server has it */
export function compile(resource: KubeObject, capabilities: Capabilities, settings: OperatorSettings): Compiled {
  const { name, namespace, uid } = resource.metadata;
  // Fields of a newer schema than ours are for a newer operator.
  const document = knownFields(pipelineSchema, {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: { name, namespace, uid },
    spec: resource.spec,
  });
  const { pipeline, faults } = validatePipeline(withoutUndefined(document));
  if (pipeline === undefined) return { faults: faults.map(configurationFault) };
  const image = pipeline.spec.image ?? settings.pipelineImage;
  const missing = unsupported(pipeline, image, capabilities, settings);
  return missing.length > 0 ? { faults: missing } : { plan: planOf({ pipeline, settings, image }) };
}

export function planOf(build: Build): Plan {
  const { pipeline } = build;
  const roles: readonly StandingRole[] =
    pipeline.spec.collector === undefined ? ["consumer", "recommender"] : ["collector", "consumer", "recommender"];
  const { prefix, database } = namesOf(pipeline);
  const deploymentOf = (role: StandingRole): Child | undefined => {
    const object = deployment(build, role);
    const firstReplicas = roleSpec(pipeline, role)?.replicas ?? 1;
    return object === null ? undefined : { kind: kinds.DEPLOYMENT, object, firstReplicas };
  };
  return {
    pipeline,
    image: build.image,
    prefix,
    database,
    roles,
    urls: { collector: urlOf(build, "collector"), recommender: urlOf(build, "recommender") },
    base: baseOf(build, [...roles, "trainer"]),
    migration: { ...only(kinds.JOB, migrationJob(build)), hash: migrationHash(build) },
    deployments: Object.fromEntries(roles.map((role) => [role, deploymentOf(role)])),
    rest: [only(kinds.CRON_JOB, cronJob(build)), ...roles.flatMap((role) => aroundPods(build, role))],
    firstTraining: only(kinds.JOB, firstTrainingJob(build)),
    cleanup: [...identity(build, "cleanup"), only(kinds.JOB, cleanupJob(build))],
  };
}

/** Everything that a resource without a history would get, in order: what `render` prints. */
export function allChildren(plan: Plan): Child[] {
  return [...plan.base, plan.migration, ...Object.values(plan.deployments), ...plan.rest];
}

function baseOf(build: Build, roles: readonly Role[]): Child[] {
  const policies = roles.flatMap((role) => some(kinds.NETWORK_POLICY, networkPolicy(build, role)));
  const services = roles.flatMap((role) =>
    role === "collector" || role === "recommender" ? [only(kinds.SERVICE, service(build, role))] : [],
  );
  return [
    ...policies,
    ...[...roles, "migrate" as const].flatMap((role) => identity(build, role)),
    only(kinds.CONFIG_MAP, liveConfigMap(build)),
    ...services,
  ];
}

/** What a pod of the role cannot start without. */
function identity(build: Build, role: Role): Child[] {
  return [only(kinds.SERVICE_ACCOUNT, serviceAccount(build, role)), only(kinds.CONFIG_MAP, roleConfigMap(build, role))];
}

function aroundPods(build: Build, role: StandingRole): Child[] {
  return [
    ...some(kinds.DISRUPTION_BUDGET, disruptionBudget(build, role)),
    ...some(kinds.AUTOSCALER, autoscaler(build, role)),
    ...(role === "consumer"
      ? [
          ...some(kinds.TRIGGER_AUTHENTICATION, triggerAuthentication(build)),
          ...some(kinds.SCALED_OBJECT, scaledObject(build)),
        ]
      : [...some(kinds.INGRESS, ingress(build, role)), ...some(kinds.HTTP_ROUTE, httpRoute(build, role))]),
  ];
}

function only(kind: ResourceKind, object: KubeObject): Child {
  return { kind, object };
}

function some(kind: ResourceKind, object: KubeObject | null): Child[] {
  return object === null ? [] : [{ kind, object }];
}

function unsupported(
  pipeline: RecommenderPipeline,
  image: string,
  { gatewayApi, keda }: Capabilities,
  { version }: OperatorSettings,
): ConfigurationFault[] {
  const imageSays = imageFault(image, version);
  const routed = (["collector", "recommender"] as const).filter(
    (role) => exposureOf({ pipeline }, role)?.type === "HTTPRoute",
  );
  const faults: ConfigurationFault[] = [];
  if (imageSays !== null) faults.push({ reason: "ImageUnsupported", message: imageSays });
  if (!keda && pipeline.spec.consumer.autoscaling?.targetLag !== undefined) {
    const message =
      "spec.consumer.autoscaling.targetLag needs KEDA (keda.sh/v1alpha1), which this cluster has not or the operator " +
      "may not use: install KEDA, or set targetCPUPercent instead";
    faults.push({ reason: "KedaMissing", message });
  }
  if (!gatewayApi && routed.length > 0) {
    const message =
      `exposure.type: HTTPRoute of ${routed.join(" and ")} needs the Gateway API (gateway.networking.k8s.io/v1), which ` +
      "this cluster has not or the operator may not use: install it, or set exposure.type: Ingress";
    faults.push({ reason: "GatewayApiMissing", message });
  }
  return faults;
}

/** What is checked here and not by the API server is of four kinds. */
function configurationFault({ path, message, suggestion }: Finding): ConfigurationFault {
  const place = pathText(path);
  const reason = (
    [
      ["spec.serving.rules", "RuleInvalid"],
      ["spec.serving.experiments", "ExperimentInvalid"],
      ["spec.training", "ScheduleInvalid"],
    ] as const
  ).find(([prefix]) => place.startsWith(prefix))?.[1];
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return { reason: reason ?? "MappingInvalid", message: `${place}: ${message}${hint}` };
}

function withoutUndefined(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
