/** Models that rank all items once, the same for everyone. */
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { Cases, FittedModel } from "./algorithm.ts";

/** Columns of a ranking in numbers of the matrix, rank from 1. */
export const RANKING_COLUMNS = "rank UInt32, item UInt32, score Float64";

/** @param table of RANKING_COLUMNS */
export function rankingModel(work: WorkTables, matrix: Matrix, table: string): FittedModel {
  return {
    rank: (cases, into, length) => work.run(rankStatement(table, cases, into), { length }),
    store: (version) =>
      work.run(
        `
INSERT INTO model_rankings
SELECT {version:String} AS version, r.rank AS rank, i.item_id AS item_id, r.score AS score
FROM ${table} AS r GLOBAL INNER JOIN ${matrix.items} AS i ON r.item = i.item`,
        { version },
      ),
    async fault() {
      const [row] = await work.clickhouse.query<{
        entries: string;
        invalid: string;
        smallest: number;
        largest: number;
      }>(
        `
SELECT count() AS entries, countIf(NOT isFinite(score)) AS invalid, min(score) AS smallest, max(score) AS largest
FROM ${table}`,
      );
      if (row === undefined || row.entries === "0") return "no item has a score";
      if (row.invalid !== "0") return `${row.invalid} scores are not finite`;
      if (Number(row.entries) > 1 && row.smallest === row.largest) return "all scores are equal";
      return undefined;
    },
  };
}

/** A case needs no more of the ranking than its list and its masked items together. */
function rankStatement(table: string, cases: Cases, into: string): string {
  return `
INSERT INTO ${into}
WITH (SELECT groupArray((item, score)) FROM (SELECT item, score FROM ${table} ORDER BY rank)) AS ranking
SELECT case, best.1 AS ranked, best.2 AS scores
FROM (
  SELECT case, arraySlice(
    arrayFilter(entry -> NOT has(masked, entry.1), arraySlice(ranking, 1, {length:UInt32} + length(masked))),
    1, {length:UInt32}) AS best
  FROM ${cases.table}
)`;
}
