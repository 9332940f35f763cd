export type { AttributionSpec } from "./attribution.ts";
export { type CatalogueSync, startCatalogueSync } from "./catalogue-sync.ts";
export {
  type CloseOptions,
  type Consumer,
  type ConsumerOptions,
  type ConsumerStatus,
  startConsumer,
} from "./consumer.ts";
export {
  countDeadLetters,
  type DeadLetter,
  type DeadLetterCount,
  type DeadLetterFilter,
  type DeadLetterWithValue,
  listDeadLetters,
  replayDeadLetters,
  showDeadLetter,
} from "./dead-letters.ts";
export {
  type AttributeSource,
  cachedLookup,
  openPostgres,
  type PostgresConnection,
  type PostgresOptions,
  type PostgresTable,
  postgresAttributes,
  quotedName,
  quotedTable,
  type SourceStatus,
  type SqlClient,
  tableLookup,
} from "./enrichment/index.ts";
export { CONSUMER_LIMITS } from "./limits.ts";
export { type ConsumerMetrics, consumerMetrics } from "./metrics.ts";
export { isAlive, type Liveness } from "./pulse.ts";
