export { type ClickHouse, type ClickHouseTarget, identifier, openClickHouse, type Parameters } from "./client.ts";
export { peopleOf, readLinks } from "./identities.ts";
export { type Layout, onCluster, storedName } from "./layout.ts";
export {
  MIGRATIONS,
  migrate,
  requireSchema,
  SCHEMA_VERSION,
  SchemaMissingError,
  SchemaVersionError,
} from "./migrations/index.ts";
export { type ModelContent, readContent, type Verification, verify } from "./model-checksum.ts";
export {
  type ListedVersion,
  listVersions,
  type ModelStatus,
  type ModelVersion,
  pointAliases,
  readAliases,
  recordVersion,
} from "./models.ts";
