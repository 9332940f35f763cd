/** The pipelines of the story, and their activity. */
import type { FrontProcess } from "../kafka/front-process.ts";

/** As the README's commands name it. */
export const SYSTEM = "productmatcher-system";
/** Where each pipeline is: the README's own, and the shop's, whose namespace takes restricted pods alone. */
export const PLACES = { first: "productmatcher-story-first", storefront: "productmatcher-story-shop" } as const;
export type PipelineName = keyof typeof PLACES;

/** As the README makes its secret. */
export const CREDENTIALS = { username: "shop", password: "secret" };

export interface Servers {
  /** Host and port. */
  readonly kafka: string;
  readonly clickhouse: string;
}

/** Small: several of them share a node. */
const RESOURCES = { requests: { cpu: "20m", memory: "128Mi" }, limits: { memory: "1Gi" } };
export const MIN_EVENTS = 200;
const VISITORS = 100;

export function storefront({ kafka, clickhouse }: Servers): object {
  return {
    apiVersion: "productmatcher.dev/v1alpha1",
    kind: "RecommenderPipeline",
    metadata: { name: "storefront", namespace: PLACES.storefront },
    spec: {
      source: {
        kafka: { bootstrapServers: [kafka], topicDefaults: { partitions: 4, replicationFactor: 1 } },
      },
      collector: { replicas: 2, resources: RESOURCES },
      consumer: { replicas: 2, resources: RESOURCES },
      training: {
        minEvents: MIN_EVENTS,
        algorithms: ["itemNeighbours"],
        evaluation: { holdoutHours: 1 },
        resources: RESOURCES,
      },
      serving: { replicas: 2, resources: RESOURCES },
      sink: { clickhouse: { url: `http://${clickhouse}`, credentials: { secretRef: { name: "clickhouse" } } } },
    },
  };
}

export function secret(
  of: PipelineName,
  { username, password }: { readonly username: string; readonly password: string },
): object {
  const metadata = { name: "clickhouse", namespace: PLACES[of] };
  return { apiVersion: "v1", kind: "Secret", metadata, stringData: { username, password } };
}

/** The servers as Services of the namespace: `kafka:9092` and `clickhouse:8123`, as examples/first.yaml calls them. */
export function serverServices(namespace: string, { kafka, clickhouse }: Servers): object {
  const items = [
    { name: "kafka", port: 9092, at: kafka },
    { name: "clickhouse", port: 8123, at: clickhouse },
  ].flatMap(({ name, port, at }) => {
    const { hostname, port: targetPort } = new URL(`http://${at}`);
    return [
      { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { ports: [{ name: "tcp", port }] } },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `${name}-outside`, namespace, labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        endpoints: [{ addresses: [hostname], conditions: { ready: true } }],
        ports: [{ name: "tcp", port: Number(targetPort) }],
      },
    ];
  });
  return { apiVersion: "v1", kind: "List", items };
}

/** Visitors of two rooms, who look at what is in them, over hours: enough to learn what goes together. */
export function visits(now: number): object[] {
  return Array.from({ length: VISITORS }, (_, visitor) => {
    const room = visitor % 2 === 0 ? ["desk", "lamp", "bulb"] : ["pan", "pot", "spoon"];
    const seen = room.slice(0, visitor % 4 < 2 ? 3 : 2);
    return seen.map((itemId) => ({
      event: "view",
      userId: `visitor-${visitor}`,
      itemId,
      occurredAt: new Date(now - (VISITORS - visitor) * 600_000).toISOString(),
    }));
  }).flat();
}

/** Of a pipeline, as the operator names it. */
export function databaseOf(name: PipelineName): string {
  return `${PLACES[name]}_${name}`.replaceAll("-", "_");
}

/** How many events of a user are stored; of these ids alone, where some are given. */
export function storedOf(name: PipelineName, user: string, ids?: readonly string[]): string {
  const among = ids === undefined ? "" : ` AND event_id IN ('${ids.join("','")}')`;
  return `SELECT toString(uniqExact(event_id)) AS stored FROM ${databaseOf(name)}.events WHERE user_id = '${user}'${among}`;
}

/** Rows of a statement, asked of the server and not of the pipeline. */
export async function rowsOf<Row>(
  clickhouse: FrontProcess,
  { username, password }: { readonly username: string; readonly password: string },
  sql: string,
): Promise<Row[]> {
  const response = await fetch(clickhouse.url, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
    body: `${sql} FORMAT JSONEachRow`,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
}
