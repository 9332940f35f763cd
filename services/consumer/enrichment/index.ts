export { type AttributeCacheOptions, cachedLookup, type Lookup } from "./cache.ts";
export { completeEnrichment } from "./complete.ts";
export { type AttributeSource, enrich, unenriched } from "./enrich.ts";
export {
  openPostgres,
  type PostgresConnection,
  type PostgresTable,
  quotedName,
  quotedTable,
  readTable,
  type SqlClient,
  tableLookup,
} from "./postgres.ts";
