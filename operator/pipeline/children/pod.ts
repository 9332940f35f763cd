/** The pods of all roles: one container that may do nothing but its work. */
import { createHash } from "node:crypto";
import type { PodSettings, Resources } from "../../../crds/index.ts";
import { LIVE_FILE, ROLE_FILE } from "../../../services/config/index.ts";
import { CONFIG_HASH, childLabels, childName, PROGRAM, type Role } from "../names.ts";
import { canonicalQuantity } from "../quantity.ts";
import { configHash, type LiveRole, roleFile, secretsOf } from "../role-files.ts";
import { CONFIG_FOLDER, HTTP_PORT, OPERATIONS_PORT, SECRETS_FOLDER } from "../settings.ts";
import type { Build } from "./build.ts";
import { liveConfigMapName, liveKey } from "./config-map.ts";

/** No limit of CPU: it would make a role slow while the node has time to spare. */
const DEFAULT_RESOURCES: Readonly<Record<Role, Resources>> = {
  collector: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "512Mi" } },
  consumer: { requests: { cpu: "250m", memory: "512Mi" }, limits: { memory: "1Gi" } },
  recommender: { requests: { cpu: "500m", memory: "1Gi" }, limits: { memory: "2Gi" } },
  trainer: { requests: { cpu: "1", memory: "2Gi" }, limits: { memory: "4Gi" } },
  migrate: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "256Mi" } },
  cleanup: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "256Mi" } },
};

/**
 * Under which a consumer at full load stays below 350 MB: a small young generation, and few arenas of the allocator,
 * which its threads would else each keep memory in.
 */
export const CONSUMER_ENVIRONMENT = [
  { name: "MALLOC_ARENA_MAX", value: "2" },
  { name: "NODE_OPTIONS", value: "--max-semi-space-size=8" },
] as const;

const GRACE_SECONDS = 60;
/** From the pod leaving its Service to the last proxy that knows it. */
const DRAIN_SECONDS = 5;
const HTTP_ROLES: readonly Role[] = ["collector", "recommender"];
const STANDING_ROLES: readonly Role[] = ["collector", "consumer", "recommender"];

export const CONTAINER = "productmatcher";

export interface PodOptions {
  readonly role: Role;
  readonly resources: Resources | undefined;
  /** Of the role; laid over those of all roles, field by field. */
  readonly pods: PodSettings | undefined;
  /** Variables that a scaler reads from the pod. */
  readonly env?: readonly { readonly name: string; readonly value: string }[];
}

/** A template as Deployments and Jobs hold it. */
export function podTemplate(build: Build, options: PodOptions) {
  const { pipeline } = build;
  const { role } = options;
  const settings: PodSettings = { ...pipeline.spec.pods, ...options.pods };
  const isStanding = STANDING_ROLES.includes(role);
  return {
    metadata: {
      // No version label: it would make new pods.
      labels: { ...settings.labels, ...childLabels(pipeline, role) },
      annotations: { ...settings.annotations, [CONFIG_HASH]: configHash(roleFile(pipeline, role)) },
    },
    spec: {
      serviceAccountName: childName(pipeline, role),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      terminationGracePeriodSeconds: GRACE_SECONDS,
      restartPolicy: isStanding ? "Always" : "Never",
      containers: [container(build, options)],
      volumes: volumes(build, role),
      ...placement(settings),
    },
  };
}

function container(build: Build, { role, resources, env }: PodOptions) {
  const drains = HTTP_ROLES.includes(role);
  const tracing = STANDING_ROLES.includes(role) ? Object.entries(build.settings.tracing) : [];
  const variables = [
    ...(role === "consumer" ? CONSUMER_ENVIRONMENT : []),
    ...tracing.map(([name, value]) => ({ name, value })),
    ...(env ?? []),
  ];
  return {
    name: CONTAINER,
    image: build.image,
    args: [PROGRAM[role], "--file", `${CONFIG_FOLDER}/${ROLE_FILE}`, "--secrets", SECRETS_FOLDER],
    env: variables.length === 0 ? undefined : variables,
    ports: [
      ...(drains ? [{ name: "http", containerPort: HTTP_PORT, protocol: "TCP" }] : []),
      { name: "operations", containerPort: OPERATIONS_PORT, protocol: "TCP" },
    ],
    ...probes(role),
    lifecycle: drains ? { preStop: { sleep: { seconds: DRAIN_SECONDS } } } : undefined,
    resources: canonical(resources ?? DEFAULT_RESOURCES[role]),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    // What a role says at its end: why it failed, or what came of its run.
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: "config", mountPath: CONFIG_FOLDER, readOnly: true },
      { name: "tmp", mountPath: "/tmp" },
      ...secretsOf(build.pipeline, role).map((name) => ({
        name: secretVolume(name),
        mountPath: `${SECRETS_FOLDER}/${name}`,
        readOnly: true,
      })),
    ],
  };
}

/** A Job's pod ends by itself. A recommender may load a model for long before it is alive. */
function probes(role: Role) {
  if (role === "trainer" || role === "migrate" || role === "cleanup") return {};
  const probe = (path: string, periodSeconds: number, failureThreshold: number) => {
    return {
      httpGet: { path, port: "operations", scheme: "HTTP" },
      periodSeconds,
      failureThreshold,
      timeoutSeconds: 3,
    };
  };
  return {
    startupProbe: probe("/healthz", 2, 60),
    livenessProbe: probe("/healthz", 10, 6),
    readinessProbe: probe("/readyz", 5, 2),
  };
}

function canonical({ requests, limits }: Resources) {
  return { requests: amounts(requests), limits: amounts(limits) };
}

function amounts(resources: Resources["requests"]) {
  if (resources === undefined || Object.keys(resources).length === 0) return undefined;
  return Object.fromEntries(Object.entries(resources).map(([name, amount]) => [name, canonicalQuantity(amount)]));
}

/** Secrets are optional: a role that misses one says which, waits, and goes on when it appears. */
function volumes(build: Build, role: Role) {
  const live: readonly LiveRole[] = role === "collector" || role === "recommender" ? [role] : [];
  return [
    {
      name: "config",
      projected: {
        sources: [
          { configMap: { name: childName(build.pipeline, role), items: [{ key: ROLE_FILE, path: ROLE_FILE }] } },
          ...live.map((name) => ({
            configMap: { name: liveConfigMapName(build), items: [{ key: liveKey(name), path: LIVE_FILE }] },
          })),
        ],
      },
    },
    { name: "tmp", emptyDir: {} },
    ...secretsOf(build.pipeline, role).map((secretName) => ({
      name: secretVolume(secretName),
      secret: { secretName, optional: true },
    })),
  ];
}

/** A Secret's name may be longer than a volume's, and have dots. */
function secretVolume(secret: string): string {
  return `secret-${createHash("sha256").update(secret).digest("hex").slice(0, 10)}`;
}

function placement({
  nodeSelector,
  tolerations,
  affinity,
  topologySpreadConstraints,
  priorityClassName,
  imagePullSecrets,
}: PodSettings) {
  const settings = {
    nodeSelector,
    tolerations,
    affinity,
    topologySpreadConstraints,
    priorityClassName,
    imagePullSecrets,
  };
  // An empty value is never kept by the API server, and would look like a difference for ever.
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
