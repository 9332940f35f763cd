export {
  SourceAwayError,
  type SourceBreaker,
  type SourceBreakerOptions,
  type SourceStatus,
  sourceBreaker,
} from "./breaker.ts";
export { type AttributeCacheOptions, cachedLookup, type Lookup } from "./cache.ts";
export { completeEnrichment } from "./complete.ts";
export { type AttributeSource, enrich, unenriched } from "./enrich.ts";
export { type EnrichedTable, postgresAttributes } from "./source.ts";
export { readTable, tableLookup } from "./table.ts";
