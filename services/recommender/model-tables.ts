import type { ClickHouse, ModelVersion } from "../clickhouse/index.ts";
import type { ItemIndex } from "./item-index.ts";
import type { Neighbours, Ranking, ServedVersion } from "./model.ts";

/** What the registry says of a version, as far as loading needs it. */
export type PublishedVersion = Pick<
  ModelVersion,
  "version" | "algorithm" | "entries" | "createdAt" | "dataTo" | "configuration" | "metrics"
>;

/** A version that must not be served: what is stored is not what was published. */
export class BrokenModelError extends Error {
  readonly code = "model_broken";
  override readonly name = "BrokenModelError";
}

/** Pairs or ranks a query: parsing one answer should not hold up requests for more than some milliseconds. */
export const PAGE = 25_000;

const NEIGHBOUR_COUNTS = `
SELECT count() AS rows, sum(length(neighbours)) AS pairs
FROM model_neighbours
WHERE version = {version:String}`;

const NEIGHBOUR_PAGE = `
SELECT item_id, neighbours, weights
FROM model_neighbours
WHERE version = {version:String} AND item_id > {after:String}
ORDER BY item_id
LIMIT {limit:UInt32}`;

interface NeighbourRow {
  readonly item_id: string;
  readonly neighbours: string[];
  readonly weights: number[];
}

/**
 * Reads a version of item neighbours, a range of items at a time.
 *
 * @throws BrokenModelError
 * @throws ClickHouseError
 */
export async function loadNeighbours(
  clickhouse: ClickHouse,
  items: ItemIndex,
  published: PublishedVersion,
  now: () => number,
): Promise<Neighbours> {
  const { version, entries } = published;
  const [counts] = await clickhouse.query<{ rows: string; pairs: string }>(NEIGHBOUR_COUNTS, { version });
  const pairs = Number(counts?.pairs ?? 0);
  checkCount(published, Number(counts?.rows ?? 0));
  const neighbours = new Int32Array(pairs);
  const weights = new Float32Array(pairs);
  const rowItems = new Int32Array(entries);
  const rowEnds = new Int32Array(entries);
  const limit = Math.max(1, Math.min(PAGE, Math.floor((PAGE * entries) / Math.max(1, pairs))));
  let rows = 0;
  let filled = 0;
  let after = "";
  for (;;) {
    const page: NeighbourRow[] = await clickhouse.query<NeighbourRow>(NEIGHBOUR_PAGE, { version, after, limit });
    for (const row of page) {
      if (row.neighbours.length !== row.weights.length || filled + row.neighbours.length > pairs || rows === entries) {
        throw new BrokenModelError(`version ${version} has a row for ${row.item_id} that does not fit its counts`);
      }
      rowItems[rows] = items.intern(row.item_id);
      for (const [at, neighbour] of row.neighbours.entries()) {
        neighbours[filled] = items.intern(neighbour);
        weights[filled] = row.weights[at] as number;
        filled += 1;
      }
      rowEnds[rows] = filled;
      rows += 1;
    }
    if (page.length < limit) break;
    after = page.at(-1)?.item_id ?? after;
  }
  if (!weights.every((weight) => Number.isFinite(weight))) {
    throw new BrokenModelError(`version ${version} has weights that are no numbers`);
  }
  checkCount(published, rows);
  const start = new Int32Array(items.size);
  const end = new Int32Array(items.size);
  for (let row = 0; row < rows; row += 1) {
    const item = rowItems[row] as number;
    start[item] = row === 0 ? 0 : (rowEnds[row - 1] as number);
    end[item] = rowEnds[row] as number;
  }
  return { ...served(published, now), start, end, items: neighbours, weights };
}

const RANKING_PAGE = `
SELECT rank, item_id, score
FROM model_rankings
WHERE version = {version:String} AND rank > {after:UInt32}
ORDER BY rank
LIMIT {limit:UInt32}`;

/**
 * Reads a version of a ranking, a range of ranks at a time.
 *
 * @throws BrokenModelError
 * @throws ClickHouseError
 */
export async function loadRanking(
  clickhouse: ClickHouse,
  items: ItemIndex,
  published: PublishedVersion,
  now: () => number,
): Promise<Ranking> {
  const { version, entries } = published;
  const ranked = new Int32Array(entries);
  const scores = new Float64Array(entries);
  let rows = 0;
  for (;;) {
    const page = await clickhouse.query<{ rank: number; item_id: string; score: number }>(RANKING_PAGE, {
      version,
      after: rows,
      limit: PAGE,
    });
    for (const { rank, item_id, score } of page) {
      rows += 1;
      if (rank !== rows || rows > entries || !Number.isFinite(score)) {
        throw new BrokenModelError(`version ${version} has rank ${rank} where rank ${rows} of ${entries} is due`);
      }
      ranked[rows - 1] = items.intern(item_id);
      scores[rows - 1] = score;
    }
    if (page.length < PAGE) break;
  }
  checkCount(published, rows);
  return { ...served(published, now), items: ranked, scores };
}

export function checkCount({ version, entries }: PublishedVersion, found: number): void {
  if (found !== entries) throw new BrokenModelError(`version ${version} has ${found} rows, ${entries} were published`);
}

export function served(published: PublishedVersion, now: () => number): ServedVersion {
  const { version, algorithm, createdAt, metrics, configuration } = published;
  const metric = configuration.judgedBy;
  const [, value] = Object.entries(metrics).find(([name]) => name.toLowerCase() === metric?.toLowerCase()) ?? [];
  return {
    algorithm,
    version,
    versionJson: JSON.stringify(version),
    createdAt,
    metrics,
    servedSince: now(),
    score: metric === undefined || value === undefined ? null : { metric, value },
  };
}

/** Parameters that scoring needs, none of them negative. @throws BrokenModelError */
export function numbersOf<Name extends string>(
  { version, configuration }: PublishedVersion,
  names: readonly Name[],
): Record<Name, number> {
  const entries = names.map((name): [Name, number] => {
    const value = configuration.parameters[name];
    if (typeof value === "number" && value >= 0) return [name, value];
    throw new BrokenModelError(`version ${version} was published without the parameter ${name}`);
  });
  return Object.fromEntries(entries) as Record<Name, number>;
}
