export type { AttributionSpec } from "./attribution.ts";
export type { CatalogueSync } from "./catalogue-sync.ts";
export {
  type CloseOptions,
  type Consumer,
  type ConsumerStatus,
  startConsumer,
} from "./consumer.ts";
export { type ReplayedFromTopic, replayFromTopic } from "./dead-letter-topic.ts";
export { mendDeadLetter, ReplayInterruptedError, replayDeadLetters } from "./dead-letters.ts";
export {
  type AttributeSource,
  postgresAttributes,
  type SourceStatus,
} from "./enrichment/index.ts";
export { attributeSource, type ConsumedSpec, compileMapper, consumerSettings, startCatalogue } from "./from-spec.ts";
export { CONSUMER_LIMITS } from "./limits.ts";
export { type ConsumerMetrics, consumerMetrics } from "./metrics.ts";
export type { ConsumerOptions } from "./options.ts";
export { isAlive, type Liveness } from "./pulse.ts";
