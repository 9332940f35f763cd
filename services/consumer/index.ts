export type { AttributionSpec } from "./attribution.ts";
export { type CatalogueSync, startCatalogueSync } from "./catalogue-sync.ts";
export { type Consumer, type ConsumerOptions, type ConsumerStatus, startConsumer } from "./consumer.ts";
export { type ReplayedFromTopic, replayFromTopic } from "./dead-letter-topic.ts";
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
  type PostgresTable,
  quotedName,
  quotedTable,
  type SqlClient,
  tableLookup,
} from "./enrichment/index.ts";
export { type ConsumerMetrics, consumerMetrics } from "./metrics.ts";
