/** The pipelines of the story, and their activity. */
import type { FrontProcess } from "../kafka/front-process.ts";

export const NAMESPACE = "productmatcher-story-shop";
export const CREDENTIALS = { username: "shop", password: "first" };

/** Small: several of them share a node. */
const RESOURCES = { requests: { cpu: "20m", memory: "128Mi" }, limits: { memory: "1Gi" } };
export const MIN_EVENTS = 200;
const VISITORS = 100;

export function pipeline(
  name: string,
  servers: { readonly kafka: string; readonly clickhouse: string },
  more = {},
): object {
  const { kafka, clickhouse } = servers;
  return {
    apiVersion: "productmatcher.dev/v1alpha1",
    kind: "RecommenderPipeline",
    metadata: { name, namespace: NAMESPACE },
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
      sink: { clickhouse: { url: clickhouse, credentials: { secretRef: { name: "clickhouse" } } } },
      ...more,
    },
  };
}

export function secret({ username, password }: { readonly username: string; readonly password: string }): object {
  const metadata = { name: "clickhouse", namespace: NAMESPACE };
  return { apiVersion: "v1", kind: "Secret", metadata, stringData: { username, password } };
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
