/** Versions of models: their names, and which of them stay. */
import {
  type ClickHouse,
  identifier,
  type Layout,
  MODEL_TABLES,
  onCluster,
  storedName,
  storedVersions,
} from "../clickhouse/index.ts";
import { listVersions, readAliases } from "../clickhouse/models.ts";
import { RUN_LIMIT_MILLISECONDS, runTime } from "./work-tables.ts";

/** Such as `itemNeighbours-20261123T064100Z-1a2b`, at most 63 characters. */
export function versionName(algorithm: string, run: string): string {
  return `${algorithm}-${run}`;
}

export interface Keep {
  /** Published versions of each algorithm. */
  readonly newest: number;
  readonly pinned: string | undefined;
}

/**
 * Drops the rows of versions that are no longer kept: of each algorithm the newest published ones stay, what an alias
 * names or a pin, and the components of all of these; of refused and failed ones nothing. Rows without a record belong to a run that was killed, or to one under way: they go when
 * they are older than a run can be.
 *
 * @returns the versions that were dropped
 * @throws ClickHouseError
 */
export async function pruneVersions(
  clickhouse: ClickHouse,
  layout: Layout,
  keep: Keep,
  now: number,
): Promise<string[]> {
  const stored = await clickhouse.query<{ version: string }>(storedVersions);
  const recorded = await listVersions(clickhouse);
  const aliases = await readAliases(clickhouse);
  const kept = new Set(aliases.values());
  if (keep.pinned !== undefined) kept.add(keep.pinned);
  for (const published of Map.groupBy(
    recorded.filter((version) => version.status === "published"),
    (version) => version.algorithm,
  ).values()) {
    for (const { version } of published.slice(0, keep.newest)) kept.add(version);
  }
  for (const { version, configuration } of recorded) {
    if (kept.has(version)) for (const component of Object.values(configuration.components ?? {})) kept.add(component);
  }
  const known = new Set(recorded.map((version) => version.version));
  const dropped = stored
    .map((row) => row.version)
    .filter((version) => !kept.has(version) && (known.has(version) || isAbandoned(version, now)))
    .sort();
  for (const version of dropped) await dropVersion(clickhouse, layout, version);
  return dropped;
}

/** Takes away the rows of a version; its record stays. @throws ClickHouseError */
export async function dropVersion(clickhouse: ClickHouse, layout: Layout, version: string): Promise<void> {
  for (const table of Object.keys(MODEL_TABLES)) {
    await clickhouse.command(
      `ALTER TABLE ${identifier(storedName(table, layout))}${onCluster(layout)} DROP PARTITION {version:String}`,
      { version },
    );
  }
}

function isAbandoned(version: string, now: number): boolean {
  const began = runTime(version.slice(version.indexOf("-") + 1));
  return began !== undefined && now - began > RUN_LIMIT_MILLISECONDS;
}
