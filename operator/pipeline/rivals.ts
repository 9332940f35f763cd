/** Two pipelines may not read and write the same topics: each would take the other's activity for its own. */
import type { RecommenderPipeline } from "../../crds/index.ts";
import { defaultPrefix } from "../../services/config/index.ts";
import type { KubeObject } from "../runtime/index.ts";
import type { Trouble } from "./pods.ts";

interface KafkaSpec {
  readonly prefix?: string;
  readonly bootstrapServers?: readonly string[];
}

/**
 * Another pipeline that has the prefix of this one on the same brokers. Who has the name that follows from namespace and
 * name keeps it; of two that chose theirs the older.
 *
 * @param pipeline chose its prefix, or there is nothing to ask
 * @param others as the API server has them, this one may be among them
 */
export function prefixTaken(
  pipeline: RecommenderPipeline,
  resource: KubeObject,
  others: () => Iterable<KubeObject>,
): Trouble | null {
  const { prefix, bootstrapServers } = pipeline.spec.source.kafka;
  if (prefix === undefined || prefix === defaultPrefix(pipeline.metadata)) return null;
  for (const other of others()) {
    if (other.metadata.uid === resource.metadata.uid) continue;
    const kafka = (other.spec as { source?: { kafka?: KafkaSpec } }).source?.kafka ?? {};
    const chosen = kafka.prefix !== undefined;
    const theirs = kafka.prefix ?? defaultPrefix(other.metadata);
    const sameBrokers = kafka.bootstrapServers?.some((server) => bootstrapServers.includes(server)) ?? false;
    if (theirs !== prefix || !sameBrokers || (chosen && isOlder(resource, other))) continue;
    const name = `${other.metadata.namespace}/${other.metadata.name}`;
    const message = `spec.source.kafka.prefix: ${prefix} is the prefix of the pipeline ${name} on the same brokers: choose another in a new resource`;
    return { reason: "NameTaken", message };
  }
  return null;
}

function isOlder({ metadata: one }: KubeObject, { metadata: other }: KubeObject): boolean {
  const [mine, theirs] = [one.creationTimestamp ?? "", other.creationTimestamp ?? ""];
  return mine === theirs ? (one.uid ?? "") < (other.uid ?? "") : mine < theirs;
}
