/**
 * The values of the chart: each with its type, default and description. `values.yaml`, `values.schema.json` and the
 * chart's README are made from it.
 */
import { z } from "zod";

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const QUANTITY = /^[0-9]+(\.[0-9]+)?(m|[kMGT]i?)?$/;

const text = (description: string, fallback = "") => z.string().default(fallback).meta({ description });
const flag = (description: string, fallback: boolean) => z.boolean().default(fallback).meta({ description });
const whole = (description: string, fallback: number, min: number, max: number) =>
  z.int().min(min).max(max).default(fallback).meta({ description });
const names = (description: string, fallback: string[] = []) =>
  z.array(z.string().regex(NAME).max(63)).default(fallback).meta({ description });
const texts = (description: string) => z.record(z.string(), z.string()).default({}).meta({ description });
const section = <Shape extends z.ZodRawShape>(description: string, shape: Shape) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .meta({ description });
/** Objects of Kubernetes, which judges them. */
const foreignList = (description: string) => z.array(z.looseObject({})).default([]).meta({ description });
const foreignObject = (description: string, fallback: Record<string, unknown> = {}) =>
  z.looseObject({}).default(fallback).meta({ description });

const quantity = z.union([z.number(), z.string().regex(QUANTITY)]);

const resources = (description: string, requests: Record<string, string>, limits: Record<string, string>) =>
  z
    .strictObject({
      requests: z.record(z.string(), quantity).default(requests).meta({ description: "Reserved on the node." }),
      limits: z
        .record(z.string(), quantity)
        .default(limits)
        .meta({ description: "At most. No limit of CPU: it would only slow the pod down." }),
    })
    .prefault({})
    .meta({ description });

const image = section("Image of the program: of the operator, and of the roles of every pipeline that names none.", {
  repository: z
    .string()
    .min(1)
    .default("productmatcher")
    .meta({ description: "Name of the image, with its registry: registry.example/productmatcher." }),
  tag: text("Tag of the image. Empty: the chart's appVersion. Passed over where digest is given."),
  digest: z
    .string()
    .regex(/^(sha256:[0-9a-f]{64})?$/)
    .default("")
    .meta({ description: "Digest of the image, sha256:..., which no push can change." }),
  pullPolicy: z
    .enum(["IfNotPresent", "Always", "Never"])
    .default("IfNotPresent")
    .meta({ description: "When a node pulls the operator's image." }),
});

const crd = section("The definition of RecommenderPipelines.", {
  install: flag(
    "Make and update it with this release; helm uninstall leaves it, and every pipeline, in place. false: it is kept up to " +
      "date by other means, or by another release.",
    true,
  ),
});

const rbac = section("Rights.", {
  create: flag("Give the operator's account its rights. false: somebody else does; files/rights.yaml has them.", true),
  gatewayApi: flag("Rights on HTTPRoutes, where the cluster has the Gateway API.", true),
  keda: flag("Rights on ScaledObjects, where the cluster has KEDA.", true),
  aggregate: flag(
    "Let everybody with the cluster's roles view or edit see or write RecommenderPipelines in their namespaces. Whoever " +
      "may write one chooses an image that runs there.",
    true,
  ),
});

const serviceAccount = section("The operator's account.", {
  create: flag("Make it.", true),
  name: text("Its name. Empty: the release's, or default where none is made."),
  annotations: texts("Annotations on it."),
});

const monitoring = section("What Prometheus and Grafana are given, for the operator and all pipelines.", {
  namespaces: names("Namespaces whose pods may read figures, past the network policies of operator and roles.", [
    "monitoring",
  ]),
  podMonitor: section("One PodMonitor for the operator and all roles, where the cluster has that kind.", {
    enabled: flag("Make it.", true),
    interval: text("How often figures are read.", "30s"),
    labels: texts("Labels by which Prometheus selects it, such as release: kube-prometheus-stack."),
  }),
  rules: section("One PrometheusRule with the alerts of all pipelines, where the cluster has that kind.", {
    enabled: flag("Make it.", true),
    labels: texts("Labels by which Prometheus selects it."),
  }),
  dashboards: section("ConfigMaps with the dashboards, for Grafana's sidecar.", {
    enabled: flag("Make them.", false),
    namespace: text("Where. Empty: the release's namespace."),
    labels: z
      .record(z.string(), z.string())
      .default({ grafana_dashboard: "1" })
      .meta({ description: "Labels by which the sidecar finds them." }),
    annotations: texts("Annotations on them, such as grafana_folder: ProductMatcher."),
  }),
});

const demo = section(
  "A whole platform to try out: one Kafka, one ClickHouse, a shop with its Postgres, a pipeline named demo, and simulated " +
    "shoppers. Not for production: a single copy of everything, passwords that everybody knows, and data that goes with its " +
    "pod.",
  {
    enabled: flag("Make it, in the release's namespace.", false),
    kafkaImage: text("Image of the broker.", "apache/kafka:4.1.1"),
    clickhouseImage: text("Image of ClickHouse.", "clickhouse/clickhouse-server:26.7"),
    postgresImage: text("Image of the shop's Postgres, on Debian: its user is number 999.", "postgres:18-bookworm"),
  },
);

/** All values, as a person may write them. */
export const chartValues = z.strictObject({
  nameOverride: text("Takes the place of productmatcher in the names of objects."),
  fullnameOverride: text("Takes the place of the whole name that objects begin with."),
  image,
  pipelineImage: text("Image of the roles where a pipeline names none. Empty: the operator's own."),
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string().min(1).meta({ description: "Name of the Secret." }) }))
    .default([])
    .meta({
      description:
        "Secrets with which the operator's image is pulled. Those of a pipeline's pods: spec.pods.imagePullSecrets.",
    }),
  replicas: whole("Operator pods. One works, by a lease; another takes over within seconds.", 2, 0, 10),
  namespaces: names("Namespaces to look after, with a Role in each. Empty: all, with a ClusterRole."),
  maxRollouts: whole(
    "Pipelines that take a new image at a time when the operator comes with another one.",
    5,
    1,
    10_000,
  ),
  workers: whole("Pipelines in work at a time.", 16, 1, 1_000),
  leaseSeconds: whole("How long an operator pod that has fallen silent is waited for.", 10, 1, 600),
  logLevel: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal"])
    .default("info")
    .meta({ description: "How much the operator says." }),
  nodeOptions: text(
    "Options of Node.js. The heap of the default is enough for 1,000 pipelines; with more, raise it and limits.memory.",
    "--max-old-space-size=160 --max-semi-space-size=8",
  ),
  env: foreignList("More environment variables of the operator, such as OTEL_EXPORTER_OTLP_ENDPOINT."),
  resources: resources("CPU and memory of an operator pod.", { cpu: "100m", memory: "256Mi" }, { memory: "384Mi" }),
  extraLabels: texts("Labels on every object of the chart."),
  podLabels: texts("Labels on the operator's pods."),
  podAnnotations: texts("Annotations on the operator's pods."),
  priorityClassName: text("PriorityClass of the operator's pods."),
  nodeSelector: texts("Labels that a node of the operator must have."),
  tolerations: foreignList("Taints that the operator's pods put up with."),
  affinity: foreignObject("Affinity of the operator's pods. Empty: rather not two on one node."),
  topologySpreadConstraints: foreignList(
    "How the operator's pods are spread. A constraint without labelSelector is given theirs.",
  ),
  podDisruptionBudget: section("Keeps an eviction from taking all operator pods.", {
    enabled: flag("Make it, where there are two replicas or more.", true),
  }),
  networkPolicy: section("Who may reach the operator's pods: monitoring.namespaces, its port of figures.", {
    enabled: flag("Make it.", true),
  }),
  crd,
  rbac,
  serviceAccount,
  monitoring,
  demo,
  enabled: flag("Read by nothing here: the condition of a chart that depends on this one.", true),
  global: foreignObject("Read by nothing here: what a chart that depends on this one hands down."),
});
