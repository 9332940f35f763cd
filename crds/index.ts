/** The RecommenderPipeline: its schema, types, and the documents made from it. */
export type { Attribution, Privacy } from "./attribution.ts";
export type { Catalog, Enrichment } from "./catalog.ts";
export type { Collector } from "./collector.ts";
export type { Consumer } from "./consumer.ts";
export { customResourceDefinition } from "./definition.ts";
export type { Experiment } from "./experiments.ts";
export type { Exposure } from "./exposure.ts";
export type { Rule } from "./fields.ts";
export type { Objectives } from "./objectives.ts";
export {
  API_VERSION,
  GROUP,
  KIND,
  type PipelineSpec,
  type RecommenderPipeline,
  type RecommenderPipelineInput,
  recommenderPipeline,
  VERSION,
} from "./pipeline.ts";
export type { PodSettings, Resources } from "./pods.ts";
export { referencePage } from "./reference.ts";
export type { Credentials } from "./references.ts";
export { pipelineSchema, type Schema } from "./schema.ts";
export type { Serving, ServingRule } from "./serving.ts";
export type { Sink } from "./sink.ts";
export type { Mapping, Source, Topic } from "./source.ts";
export type { Condition, PipelineStatus } from "./status.ts";
export { STANDING_ALGORITHMS, TRAINED_ALGORITHMS, type Training } from "./training.ts";
