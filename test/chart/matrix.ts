/** Values that people may choose: every switch on and off, every list filled, and a few of all together. */
import { PROMETHEUS_OPERATOR, type RenderOptions } from "./helm.ts";

export interface Choice {
  readonly name: string;
  readonly values: object;
  readonly options?: RenderOptions;
}

const toleration = { key: "pool", operator: "Equal", value: "system", effect: "NoSchedule" };
const spread = { maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" };
const affinity = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: "kubernetes.io/arch", operator: "In", values: ["amd64", "arm64"] }] },
      ],
    },
  },
};

export const EVERYTHING = {
  image: { repository: "registry.example/productmatcher", digest: `sha256:${"0".repeat(64)}`, pullPolicy: "Always" },
  pipelineImage: "registry.example/productmatcher:0.1.0",
  imagePullSecrets: [{ name: "registry" }],
  replicas: 3,
  maxRollouts: 1,
  workers: 4,
  leaseSeconds: 20,
  logLevel: "debug",
  nodeOptions: "--max-old-space-size=512",
  env: [{ name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://collector.observability:4318" }],
  resources: { requests: { cpu: 1, memory: "512Mi" }, limits: { memory: "1Gi" } },
  extraLabels: { "shop.example/team": "discovery" },
  podLabels: { "shop.example/zone": "inner" },
  podAnnotations: { "shop.example/note": "yes" },
  priorityClassName: "system-cluster-critical",
  nodeSelector: { "kubernetes.io/os": "linux" },
  tolerations: [toleration],
  affinity,
  topologySpreadConstraints: [spread],
  serviceAccount: { name: "operator", annotations: { "shop.example/role": "reader" } },
  monitoring: {
    namespaces: ["observability", "monitoring"],
    podMonitor: { interval: "15s", labels: { release: "prometheus" } },
    rules: { labels: { release: "prometheus" } },
    dashboards: { enabled: true, annotations: { grafana_folder: "ProductMatcher" } },
  },
};

export const MATRIX: readonly Choice[] = [
  { name: "the defaults", values: {} },
  { name: "every list and text filled", values: EVERYTHING },
  { name: "a cluster with the Prometheus Operator", values: EVERYTHING, options: { apiVersions: PROMETHEUS_OPERATOR } },
  { name: "named namespaces", values: { namespaces: ["shop", "shop-staging"] } },
  {
    name: "named namespaces on a cluster with the Prometheus Operator",
    values: { namespaces: ["shop"] },
    options: { apiVersions: PROMETHEUS_OPERATOR },
  },
  {
    name: "every switch off",
    values: {
      crd: { install: false },
      rbac: { create: false, aggregate: false },
      serviceAccount: { create: false },
      networkPolicy: { enabled: false },
      podDisruptionBudget: { enabled: false },
      monitoring: { namespaces: [], podMonitor: { enabled: false }, rules: { enabled: false } },
    },
    options: { apiVersions: PROMETHEUS_OPERATOR },
  },
  { name: "one replica, no monitoring namespace", values: { replicas: 1, monitoring: { namespaces: [] } } },
  { name: "no KEDA, no Gateway API", values: { rbac: { gatewayApi: false, keda: false } } },
  { name: "another release name", values: {}, options: { release: "shop-recommendations" } },
  { name: "the demo", values: { demo: { enabled: true } } },
];
