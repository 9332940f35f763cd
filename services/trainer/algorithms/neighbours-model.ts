/** Models that know for each item the items that go with it. */
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { FittedModel } from "./algorithm.ts";
import { rankByNeighbours } from "./neighbours-ranking.ts";

/** Columns of a table of neighbours in numbers of the matrix, the most similar first. */
export const NEIGHBOUR_COLUMNS = "item UInt32, neighbours Array(UInt32), weights Array(Float32)";

/** Entries of the stored model that one statement writes. */
const ENTRIES_PER_SLICE = 8_000_000;

/**
 * @param table of NEIGHBOUR_COLUMNS, at most `length` neighbours an item
 * @param nothing why a model without any neighbours must not be served
 */
export function neighboursModel(
  work: WorkTables,
  matrix: Matrix,
  table: string,
  length: number,
  nothing: string,
): FittedModel {
  return {
    rank: (cases, into, listLength) => rankByNeighbours(work, matrix, table, cases, into, listLength),
    async store(version) {
      const slices = Math.ceil((matrix.itemCount * length) / ENTRIES_PER_SLICE);
      for (let slice = 0; slice < slices; slice += 1) {
        await work.run(storeStatement(table, matrix), { version, slices, slice });
      }
    },
    async fault() {
      const [row] = await work.clickhouse.query<{
        entries: string;
        invalid: string;
        smallest: number;
        largest: number;
      }>(
        `
SELECT sum(length(t.weights)) AS entries, sum(arrayCount(w -> NOT isFinite(w), t.weights)) AS invalid,
  min(arrayMin(t.weights)) AS smallest, max(arrayMax(t.weights)) AS largest
FROM ${table} AS t WHERE notEmpty(t.weights)`,
      );
      if (row === undefined || row.entries === "0") return nothing;
      if (row.invalid !== "0") return `${row.invalid} weights are not finite`;
      if (Number(row.entries) > 2 && row.smallest === row.largest) return "all weights are equal";
      return undefined;
    },
  };
}

function storeStatement(table: string, matrix: Matrix): string {
  return `
INSERT INTO model_neighbours
WITH (SELECT groupArray(item_id) FROM (SELECT item_id FROM ${matrix.items} ORDER BY item)) AS item_ids
SELECT {version:String} AS version, item_ids[item + 1] AS item_id,
  arrayMap(neighbour -> item_ids[neighbour + 1], neighbours) AS neighbours, weights
FROM ${table}
WHERE item % {slices:UInt32} = {slice:UInt32}`;
}
