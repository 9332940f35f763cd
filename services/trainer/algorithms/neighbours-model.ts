/** Models that know for each item the items that go with it. */
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { Cases, FittedModel } from "./algorithm.ts";

/** Columns of a table of neighbours in numbers of the matrix, the most similar first. */
export const NEIGHBOUR_COLUMNS = "item UInt32, neighbours Array(UInt32), weights Array(Float32)";

/** (history item, neighbour) terms that one statement adds up: about 100 bytes each at the most. */
const TERMS_PER_SLICE = 16_000_000;

/** Terms of scores are whole multiples of 1 / this. */
const TERM_SCALE = 2 ** 40;

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
    async rank(cases, into, listLength) {
      const slices = Math.ceil((cases.historyEntries * length) / TERMS_PER_SLICE);
      for (let slice = 0; slice < slices; slice += 1) {
        await work.run(rankStatement(table, cases, into), { length: listLength, slices, slice });
      }
    },
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

/**
 * A case's score for an item is the sum over its history of (weight of the history item) x (weight of the item among
 * that one's neighbours), in fixed point, so that it does not depend on the order of adding. Masked items are pushed
 * below zero. Case and item, then score and item, are packed into one number: grouping and sorting numbers is twice as
 * fast as tuples.
 */
function rankStatement(table: string, cases: Cases, into: string): string {
  return `
INSERT INTO ${into}
SELECT case, arrayMap(entry -> toUInt32(entry), best) AS ranked,
  arrayMap(entry -> bitNot(toUInt64(bitShiftRight(entry, 32))) / ${TERM_SCALE}, best) AS scores
FROM (
  SELECT toUInt32(bitShiftRight(key, 32)) AS case, arraySlice(arrayPartialSort({length:UInt32}, groupArray(
    bitShiftLeft(toUInt128(bitNot(toUInt64(score))), 32) + toUInt32(key))), 1, {length:UInt32}) AS best
FROM (
  SELECT bitShiftLeft(toUInt64(case), 32) + item AS key, sum(term) AS score
  FROM (
    SELECT c.case AS case, item, toInt64(round(c.history_weight * weight * ${TERM_SCALE})) AS term
    FROM ${table} AS n
    GLOBAL INNER JOIN (
      SELECT case, history_item, history_weight
      FROM ${cases.table} ARRAY JOIN history AS history_item, history_weights AS history_weight
      WHERE case % {slices:UInt32} = {slice:UInt32}
    ) AS c ON n.item = c.history_item
    ARRAY JOIN n.neighbours AS item, n.weights AS weight
    UNION ALL
    SELECT case, arrayJoin(masked) AS item, toInt64(-4611686018427387904) AS term
    FROM ${cases.table}
    WHERE case % {slices:UInt32} = {slice:UInt32}
  )
  GROUP BY key
  HAVING score > 0
)
GROUP BY case
)`;
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
