/** Interactions with items as numbers from 0: what pairs are counted in and lists are ranked in. */
import type { WorkTables } from "./work-tables.ts";

export interface Matrix {
  /**
   * Table (item UInt32, item_id String, degree Float64): first those with interactions, then what the catalogue has
   * beside them, of degree 0; each part in the order of item_id, so that ties go by id.
   */
  readonly items: string;
  /** Table of CATALOGUE_COLUMNS; `null` where nothing is known of items but what people did with them. */
  readonly catalogue: string | null;
  /**
   * Table (actor_id String, items Array(UInt32), weights Array(Float64), degrees Array(Float64), recent Array(UInt32)):
   * items ascending; `recent` holds the RECENT_ITEMS touched last, the newest first.
   */
  readonly histories: string;
  readonly itemCount: number;
  /** Items with interactions: those of the numbers below. */
  readonly touchedCount: number;
  readonly actorCount: number;
  /** Interactions. */
  readonly entryCount: number;
  /** Sum over actors of the square of their number of items. */
  readonly pairCount: number;
}

/** Of what an actor touched last: what models of order look at. */
export const RECENT_ITEMS = 20;

/** @throws ClickHouseError */
export async function createMatrix(
  work: WorkTables,
  name: string,
  interactions: string,
  catalogue: string | null = null,
): Promise<Matrix> {
  const known = catalogue === null ? "" : ` UNION ALL SELECT item_id, 0 AS weight FROM ${catalogue}`;
  const items = await work.create({
    name: `${name}_items`,
    columns: "item UInt32, item_id String, degree Float64 COMMENT 'sum of the weights of its interactions'",
    orderBy: "item",
  });
  await work.run(`
INSERT INTO ${items}
SELECT toUInt32(row_number() OVER (ORDER BY degree = 0, item_id) - 1) AS item, item_id, degree
FROM (
  SELECT item_id, sum(weight) AS degree
  FROM (SELECT item_id, weight FROM ${interactions}${known})
  GROUP BY item_id
)`);
  const histories = await work.create({
    name: `${name}_histories`,
    columns:
      "actor_id String, items Array(UInt32), weights Array(Float64), degrees Array(Float64), recent Array(UInt32)",
    orderBy: "actor_id",
  });
  await work.run(`
INSERT INTO ${histories}
SELECT actor_id, entries.1 AS items, entries.2 AS weights, entries.3 AS degrees, recent
FROM (
  SELECT actor_id, arraySort(groupArray((item, weight, degree))) AS entries,
    arraySlice(arraySort(groupArray((-toUnixTimestamp64Milli(last_at), item))).2, 1, ${RECENT_ITEMS}) AS recent
  FROM ${interactions} AS i GLOBAL INNER JOIN ${items} AS n ON i.item_id = n.item_id
  GROUP BY actor_id
)`);
  const [counts] = await work.clickhouse.query<Record<"items" | "touched" | "actors" | "entries" | "pairs", string>>(`
SELECT (SELECT count() FROM ${items}) AS items, (SELECT countIf(degree > 0) FROM ${items}) AS touched, count() AS actors, sum(length(h.items)) AS entries,
  sum(length(h.items) * length(h.items)) AS pairs
FROM ${histories} AS h`);
  return {
    items,
    catalogue,
    histories,
    itemCount: Number(counts?.items ?? 0),
    touchedCount: Number(counts?.touched ?? 0),
    actorCount: Number(counts?.actors ?? 0),
    entryCount: Number(counts?.entries ?? 0),
    pairCount: Number(counts?.pairs ?? 0),
  };
}
