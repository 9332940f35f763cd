export { type ClickHouse, type ClickHouseTarget, identifier, openClickHouse, type Parameters } from "./client.ts";
export { type Layout, onCluster, storedName } from "./layout.ts";
export { MIGRATIONS, migrate, SCHEMA_VERSION, SchemaVersionError } from "./migrations/index.ts";
export { type ModelContent, readContent, type Verification, verify } from "./model-checksum.ts";
export { MODEL_TABLES, storedVersions } from "./model-contents.ts";
export {
  type ListedVersion,
  listVersions,
  type ModelStatus,
  type ModelVersion,
  pointAliases,
  readAliases,
  recordVersion,
} from "./models.ts";
