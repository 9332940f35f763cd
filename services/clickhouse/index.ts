export {
  type ClickHouse,
  type ConnectionOptions,
  createDatabase,
  openClickHouse,
  type Parameters,
  type StatementKind,
  type StatementObserver,
} from "./client.ts";
export {
  countDeadLetters,
  type DeadLetter,
  type DeadLetterCount,
  type DeadLetterFilter,
  type DeadLetterWithValue,
  listDeadLetters,
  matchingDeadLetters,
  type SizedId,
  showDeadLetter,
} from "./dead-letters.ts";
export { blamesData, EVERY_ROW_REFUSED, type Failure, type FailureCause, failureOf } from "./failure.ts";
export { identifier } from "./identifier.ts";
export { peopleOf, readLinks } from "./identities.ts";
export { type Layout, onCluster, storedName } from "./layout.ts";
export { statementMetrics } from "./metrics.ts";
export {
  MIGRATIONS,
  migrate,
  requireSchema,
  SCHEMA_VERSION,
  SchemaMissingError,
  SchemaVersionError,
} from "./migrations/index.ts";
export { type ModelContent, readContent, type Verification, verify } from "./model-checksum.ts";
export { MODEL_TABLES, storedVersions } from "./model-contents.ts";
export {
  type ListedVersion,
  listPromotions,
  listVersions,
  type ModelStatus,
  type ModelVersion,
  type Promotion,
  type PromotionCause,
  pointAliases,
  readAliases,
  recordVersion,
  type VersionChoice,
  type VersionConfiguration,
} from "./models.ts";
export {
  claimDatabase,
  type DatabaseOwner,
  DatabaseTakenError,
  databaseOwner,
  dropDatabase,
  WORK_TABLE,
} from "./ownership.ts";
export { readStoredCounts, type StoredCounts, storedCounts, storedMetrics } from "./stored-counts.ts";
export type { ClickHouseServer, ClickHouseTarget } from "./target.ts";
