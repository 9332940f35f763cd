import type { RecommenderPipeline } from "../../crds/index.ts";

/** What a pipeline's parts are called, as `source.kafka.prefix` and `sink.clickhouse.database` say or default to. */
export interface PipelineNames {
  /** `<namespace>/<name>` */
  readonly key: string;
  /** Group of the consumer, and beginning of the pipeline's own topics. */
  readonly prefix: string;
  readonly eventsTopic: string;
  /** Items and users that came over HTTP; compacted. */
  readonly entitiesTopic: string;
  readonly signalsTopic: string;
  readonly deadLettersTopic: string;
  readonly database: string;
}

/** Of a pipeline whose resource names no prefix. */
export function defaultPrefix({
  namespace = "default",
  name,
}: {
  readonly namespace?: string | undefined;
  readonly name: string;
}): string {
  return `${namespace}.${name}`;
}

export function namesOf({ metadata, spec }: RecommenderPipeline): PipelineNames {
  const namespace = metadata.namespace ?? "default";
  const prefix = spec.source.kafka.prefix ?? defaultPrefix(metadata);
  return {
    key: `${namespace}/${metadata.name}`,
    prefix,
    eventsTopic: `${prefix}.events`,
    entitiesTopic: `${prefix}.entities`,
    signalsTopic: `${prefix}.signals`,
    deadLettersTopic: `${prefix}.dead-letters`,
    database: spec.sink.clickhouse.database ?? `${namespace}_${metadata.name}`.replaceAll("-", "_"),
  };
}
