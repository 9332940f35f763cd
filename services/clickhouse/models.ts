/** The registry of models: which versions there are, and which one each algorithm serves. */
import type { ClickHouse } from "./client.ts";
import { storedVersions } from "./model-contents.ts";

export type ModelStatus = "published" | "refused" | "failed";

/** How a version came to be, as far as it matters to whoever compares it, fits it again or serves it. */
export interface VersionConfiguration {
  readonly parameters: Readonly<Record<string, number>>;
  /** Of an algorithm that ranks the candidates of others: the version of each, by algorithm. */
  readonly components?: Readonly<Record<string, string>>;
  /** The version that was in service before, in the same place. */
  readonly parent?: string | null;
  /** Of ProductMatcher. */
  readonly release?: string;
  /** What it was judged on; `comparedBefore` is where the data ended that its recipe was last compared on. ISO 8601. */
  readonly holdout?: { readonly from: string; readonly actors: number; readonly comparedBefore: string };
  /** The metric that decided, with the length of the list: `NDCG@20`. */
  readonly judgedBy?: string;
  /** Over what was in service, in percent. */
  readonly lift?: { readonly percent: number; readonly low: number; readonly high: number } | null;
  readonly [more: string]: unknown;
}

export interface ModelVersion {
  readonly version: string;
  readonly algorithm: string;
  readonly status: ModelStatus;
  /** Why it was refused or failed, else `""`. */
  readonly reason: string;
  readonly configuration: VersionConfiguration;
  /** Of the oldest and the youngest event, milliseconds since 1970. */
  readonly dataFrom: number | null;
  readonly dataTo: number | null;
  readonly events: number;
  readonly actors: number;
  readonly items: number;
  /** By name and cutoff, such as `ndcg@20`; empty when nothing could be held out. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly entries: number;
  readonly checksum: string;
  readonly fitSeconds: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** A version as it is listed: `available` while its rows are there (older ones are pruned, their record stays). */
export interface ListedVersion extends ModelVersion {
  readonly available: boolean;
}

interface VersionRow {
  readonly version: string;
  readonly algorithm: string;
  readonly status: ModelStatus;
  readonly reason: string;
  readonly configuration: string;
  readonly data_from_ms: string | null;
  readonly data_to_ms: string | null;
  readonly events: string;
  readonly actors: string;
  readonly items: string;
  readonly metrics: Record<string, number>;
  readonly entries: string;
  readonly checksum: string;
  readonly fit_seconds: number;
  readonly created_at_ms: string;
  readonly available: number | boolean;
}

/** The newest ones, and those of these names however old they are. */
export interface VersionChoice {
  readonly newest: number;
  readonly names: readonly string[];
}

const ALL_VERSIONS: VersionChoice = { newest: 1_000_000_000, names: [] };

/** The newest first. @throws ClickHouseError */
export async function listVersions(
  clickhouse: ClickHouse,
  { newest, names }: VersionChoice = ALL_VERSIONS,
): Promise<ListedVersion[]> {
  const rows = await clickhouse.query<VersionRow>(
    `
SELECT version, algorithm, status, reason, configuration,
  toUnixTimestamp64Milli(data_from) AS data_from_ms, toUnixTimestamp64Milli(data_to) AS data_to_ms,
  events, actors, items, metrics, entries, checksum, fit_seconds,
  toUnixTimestamp64Milli(created_at) AS created_at_ms,
  version GLOBAL IN (${storedVersions}) AS available
FROM (
  SELECT * FROM model_versions FINAL
  WHERE {newest:UInt32} > 0 OR version IN {names:Array(String)}
  ORDER BY version IN {names:Array(String)} DESC, created_at DESC, version
  LIMIT {limit:UInt32}
)
ORDER BY created_at DESC, version`,
    { newest, names, limit: newest + names.length },
  );
  return rows.map((row) => ({
    version: row.version,
    algorithm: row.algorithm,
    status: row.status,
    reason: row.reason,
    configuration: JSON.parse(row.configuration),
    dataFrom: row.data_from_ms === null ? null : Number(row.data_from_ms),
    dataTo: row.data_to_ms === null ? null : Number(row.data_to_ms),
    events: Number(row.events),
    actors: Number(row.actors),
    items: Number(row.items),
    metrics: row.metrics,
    entries: Number(row.entries),
    checksum: row.checksum,
    fitSeconds: row.fit_seconds,
    createdAt: Number(row.created_at_ms),
    available: Boolean(row.available),
  }));
}

/** The version that each algorithm serves. @throws ClickHouseError */
export async function readAliases(clickhouse: ClickHouse): Promise<Map<string, string>> {
  const rows = await clickhouse.query<{ alias: string; version: string }>(
    "SELECT alias, version FROM model_aliases FINAL ORDER BY alias",
  );
  return new Map(rows.map((row) => [row.alias, row.version]));
}

/** @throws ClickHouseError */
export function recordVersion(clickhouse: ClickHouse, version: ModelVersion): Promise<void> {
  return clickhouse.insert("model_versions", [
    {
      version: version.version,
      algorithm: version.algorithm,
      status: version.status,
      reason: version.reason,
      configuration: JSON.stringify(version.configuration),
      data_from: version.dataFrom,
      data_to: version.dataTo,
      events: version.events,
      actors: version.actors,
      items: version.items,
      metrics: version.metrics,
      entries: version.entries,
      checksum: version.checksum,
      fit_seconds: version.fitSeconds,
      created_at: version.createdAt,
    },
  ]);
}

/** Why an alias moved: a run of the trainer, or a person. */
export type PromotionCause = "training" | "promote" | "rollback";

export interface Promotion {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly alias: string;
  readonly version: string;
  /** What the alias named before; `null`: nothing. */
  readonly replaces: string | null;
  readonly cause: PromotionCause;
}

/**
 * Makes each alias name its version: one insert, so that a reader sees all of them or none. What moved is recorded.
 *
 * @param now milliseconds since 1970; of two calls the later one holds
 * @throws ClickHouseError
 */
export async function pointAliases(
  clickhouse: ClickHouse,
  versions: ReadonlyMap<string, string>,
  now: number,
  cause: PromotionCause = "training",
): Promise<void> {
  const before = await readAliases(clickhouse);
  const moved = [...versions].filter(([alias, version]) => before.get(alias) !== version);
  if (moved.length === 0) return;
  await clickhouse.insert(
    "model_aliases",
    moved.map(([alias, version]) => ({ alias, version, updated_at: now })),
  );
  await clickhouse.insert(
    "model_promotions",
    moved.map(([alias, version]) => ({
      promoted_at: now,
      alias,
      version,
      replaces: before.get(alias) ?? "",
      cause,
    })),
  );
}

/** Of one alias, the newest first. @throws ClickHouseError */
export async function listPromotions(
  clickhouse: ClickHouse,
  alias: string,
  limit = 1_000_000_000,
): Promise<Promotion[]> {
  const rows = await clickhouse.query<{ at: string; version: string; replaces: string; cause: PromotionCause }>(
    `SELECT toUnixTimestamp64Milli(promoted_at) AS at, version, replaces, cause
     FROM model_promotions WHERE alias = {alias:String} ORDER BY promoted_at DESC, version LIMIT {limit:UInt32}`,
    { alias, limit },
  );
  return rows.map(({ at, version, replaces, cause }) => ({
    at: Number(at),
    alias,
    version,
    replaces: replaces === "" ? null : replaces,
    cause,
  }));
}
