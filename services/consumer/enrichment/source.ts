import type { PostgresTable, SqlClient } from "../../postgres/index.ts";
import { type SourceBreakerOptions, sourceBreaker } from "./breaker.ts";
import { cachedLookup } from "./cache.ts";
import type { AttributeSource } from "./enrich.ts";
import { tableLookup } from "./table.ts";

export interface EnrichedTable extends PostgresTable {
  /** A row is read again after this. */
  readonly refreshSeconds: number;
}

/** A user or item that the shop's database did not have is asked for again after this. */
const MISS_SECONDS = 5;
/** Of each table; the least recently used go first. */
const CACHED_ROWS = 200_000;

/** Attributes from tables of one database: kept for a while, and not waited for while the database is away. */
export function postgresAttributes(
  client: SqlClient,
  tables: { readonly users?: EnrichedTable | undefined; readonly items?: EnrichedTable | undefined },
  options: SourceBreakerOptions = {},
): AttributeSource {
  const breaker = sourceBreaker(options);
  const lookup = (table: EnrichedTable) =>
    cachedLookup(breaker.guard(tableLookup(client, table)), {
      refreshSeconds: table.refreshSeconds,
      missSeconds: MISS_SECONDS,
      maxEntries: CACHED_ROWS,
      now: () => performance.now(),
    });
  return {
    ...(tables.users === undefined ? {} : { users: lookup(tables.users) }),
    ...(tables.items === undefined ? {} : { items: lookup(tables.items) }),
    status: breaker.status,
  };
}
