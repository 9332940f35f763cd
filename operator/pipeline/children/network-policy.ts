import type { KubeObject } from "../../runtime/index.ts";
import { NETWORK_POLICY } from "../kinds.ts";
import { childMeta, type Role, selectorLabels } from "../names.ts";
import { HTTP_PORT, OPERATIONS_PORT } from "../settings.ts";
import { type Build, child } from "./build.ts";

const DNS_PORT = 53;
const POSTGRES_PORT = 5432;
const HTTPS_PORT = 443;
const KAFKA_PORT = 9092;

/** `null`: the resource wants none. */
export function networkPolicy(build: Build, role: Role): KubeObject | null {
  const { pipeline } = build;
  const kind = pipeline.spec.networkPolicies;
  if (kind === "None") return null;
  const bounded = kind === "IngressAndEgress";
  return child(NETWORK_POLICY, childMeta(pipeline, role), {
    spec: {
      podSelector: { matchLabels: selectorLabels(pipeline, role) },
      policyTypes: bounded ? ["Ingress", "Egress"] : ["Ingress"],
      ingress: ingress(build, role),
      egress: bounded ? egress(build, role) : undefined,
    },
  });
}

/** Figures are for the operator and the monitoring; the API is for everybody whom the cluster lets come. */
function ingress({ settings }: Build, role: Role) {
  const watchers = [...new Set([settings.operatorNamespace, ...settings.monitoringNamespaces])].sort();
  const from = watchers.map((name) => ({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
  }));
  const api = { ports: [{ port: HTTP_PORT, protocol: "TCP" }] };
  return [
    { from, ports: [{ port: OPERATIONS_PORT, protocol: "TCP" }] },
    ...(role === "collector" || role === "recommender" ? [api] : []),
  ];
}

/** Of the receivers of traces that the roles are told. */
function tracePorts({ tracing }: Build["settings"]): number[] {
  return ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].flatMap((name) => {
    const url = URL.parse(tracing[name] ?? "");
    return url === null ? [] : [Number(url.port || (url.protocol === "https:" ? HTTPS_PORT : 80))];
  });
}

/** By port: an address by name cannot be told to a policy. */
function egress({ pipeline, settings }: Build, role: Role) {
  const { source, sink, enrichment, serving } = pipeline.spec;
  const url = new URL(sink.clickhouse.url);
  const ports = new Set<number>();
  const reads = (roles: readonly Role[]) => roles.includes(role);
  if (reads(["collector", "consumer", "recommender"])) {
    for (const server of source.kafka.bootstrapServers) ports.add(Number(/:(\d+)$/.exec(server)?.[1] ?? KAFKA_PORT));
  }
  if (!reads(["collector"])) ports.add(Number(url.port || (url.protocol === "https:" ? HTTPS_PORT : 80)));
  if (reads(["consumer"]) && enrichment !== undefined) ports.add(POSTGRES_PORT);
  if (reads(["collector", "consumer", "recommender"])) for (const port of tracePorts(settings)) ports.add(port);
  if (reads(["recommender"]) && serving.jwt !== undefined) ports.add(HTTPS_PORT);
  return [
    { ports: ["UDP", "TCP"].map((protocol) => ({ port: DNS_PORT, protocol })) },
    { ports: [...ports].sort((a, b) => a - b).map((port) => ({ port, protocol: "TCP" })) },
  ];
}
