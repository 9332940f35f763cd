/** What a model is asked, and what would have been right: tables of cases, one for each protocol. */
import type { Cases } from "../algorithms/algorithm.ts";
import { type Matrix, RECENT_ITEMS } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";

export interface JudgedCases extends Cases {
  /** Actors that the cases are of. */
  readonly actors: number;
}

const CASE_COLUMNS = `
  case UInt32,
  actor_id String,
  history Array(UInt32),
  history_weights Array(Float64) COMMENT 'the largest is 1',
  recent Array(UInt32) COMMENT 'the newest first',
  masked Array(UInt32),
  truth Array(UInt32) COMMENT 'held-out items that have a number',
  relevant UInt32 COMMENT 'held-out items, those without a number too'`;

/**
 * One case an actor: from all that it did before, what new items does it turn to? Items of its history are left out of
 * lists and of what is held out; an actor with nothing new has no case.
 *
 * @param heldOut table or subquery with (actor_id, item_id)
 * @param options.withoutHistory whether an actor that the matrix does not know is a case too
 * @param options.limit of more cases, those of the actors with the smallest hash are kept
 */
export async function actorCases(
  work: WorkTables,
  name: string,
  matrix: Matrix,
  heldOut: string,
  options: { readonly withoutHistory: boolean; readonly limit: number | null },
): Promise<JudgedCases> {
  const table = await createCases(work, name);
  await work.run(
    `
INSERT INTO ${table}
SELECT toUInt32(row_number() OVER (ORDER BY cityHash64(actor_id), actor_id) - 1) AS case, actor_id,
  history, history_weights, recent, history AS masked, truth, relevant
FROM (
  SELECT t.actor_id AS actor_id, h.items AS history, h.recent AS recent,
    arrayMap(weight -> weight / arrayMax(h.weights), h.weights) AS history_weights,
    arrayFilter(number -> number > 0 AND NOT has(h.items, toUInt32(number - 1)), t.numbers) AS fresh,
    arrayMap(number -> toUInt32(number - 1), fresh) AS truth,
    toUInt32(length(fresh) + countEqual(t.numbers, 0)) AS relevant
  FROM (
    SELECT actor_id, groupArray(number) AS numbers
    FROM (
      SELECT DISTINCT e.actor_id AS actor_id, e.item_id AS item_id, if(n.item_id = '', 0, toUInt64(n.item) + 1) AS number
      FROM ${heldOut} AS e GLOBAL LEFT JOIN ${matrix.items} AS n ON e.item_id = n.item_id
    )
    GROUP BY actor_id
  ) AS t
  GLOBAL LEFT JOIN ${matrix.histories} AS h ON t.actor_id = h.actor_id
  WHERE relevant > 0 AND ({withoutHistory:Bool} OR notEmpty(history))
  ORDER BY cityHash64(actor_id), actor_id
  LIMIT {limit:UInt64}
)`,
    { withoutHistory: options.withoutHistory, limit: options.limit ?? Number.MAX_SAFE_INTEGER },
  );
  return countCases(work, table);
}

/**
 * One case for each event of a session but the first: from the items before it (the last 20, the n-th from the end with
 * weight 1/n), which is the next? Nothing is left out of the lists, since people go back to what they saw.
 *
 * @param events table with (actor_id, item_id, occurred_at, position), an actor a session
 */
export async function sessionCases(
  work: WorkTables,
  name: string,
  matrix: Matrix,
  events: string,
): Promise<JudgedCases> {
  const table = await createCases(work, name);
  await work.run(`
INSERT INTO ${table}
SELECT toUInt32(row_number() OVER (ORDER BY actor_id, step) - 1) AS case, actor_id,
  arrayMap(number -> toUInt32(number - 1), arrayFilter(number -> number > 0, recent)) AS history,
  arrayMap(number -> 1 / indexOf(last, number), arrayFilter(number -> number > 0, recent)) AS history_weights,
  history AS recent, [] AS masked, if(next = 0, [], [toUInt32(next - 1)]) AS truth, 1 AS relevant
FROM (
  SELECT actor_id, step, arrayReverse(arraySlice(numbers, greatest(1, step - ${RECENT_ITEMS - 1}), least(step, ${RECENT_ITEMS}))) AS last,
    arrayDistinct(last) AS recent, numbers[step + 1] AS next
  FROM (
    SELECT actor_id, arraySort(groupArray((occurred_at, position, number))).3 AS numbers
    FROM (
      SELECT e.actor_id AS actor_id, e.occurred_at AS occurred_at, e.position AS position,
        if(n.item_id = '', 0, toUInt64(n.item) + 1) AS number
      FROM ${events} AS e GLOBAL LEFT JOIN ${matrix.items} AS n ON e.item_id = n.item_id
    )
    GROUP BY actor_id
  )
  ARRAY JOIN range(1, length(numbers)) AS step
)`);
  return countCases(work, table);
}

/** An empty table of cases. */
export function createCases(work: WorkTables, name: string): Promise<string> {
  return work.create({ name: `${name}_cases`, columns: CASE_COLUMNS, orderBy: "case" });
}

async function countCases(work: WorkTables, table: string): Promise<JudgedCases> {
  const [row] = await work.clickhouse.query<Record<"cases" | "actors" | "entries", string>>(
    `SELECT count() AS cases, uniqExact(actor_id) AS actors, sum(length(history)) AS entries FROM ${table}`,
  );
  return {
    table,
    count: Number(row?.cases ?? 0),
    actors: Number(row?.actors ?? 0),
    historyEntries: Number(row?.entries ?? 0),
  };
}

/** A number for the actor of each case, in the order of the cases. @throws ClickHouseError */
export async function caseActors(work: WorkTables, cases: JudgedCases): Promise<Uint32Array> {
  const rows = await work.clickhouse.query<{ actor: string }>(
    `SELECT dense_rank() OVER (ORDER BY actor_id) AS actor FROM ${cases.table} ORDER BY case`,
  );
  return Uint32Array.from(rows, ({ actor }) => Number(actor));
}

/**
 * The same cases in the numbers of another matrix, for a model that was fitted on other data: what it does not know is
 * left out of histories and can not be right.
 *
 * @throws ClickHouseError
 */
export async function translateCases(
  work: WorkTables,
  name: string,
  cases: JudgedCases,
  from: Matrix,
  to: Matrix,
): Promise<JudgedCases> {
  const table = await createCases(work, name);
  const known = (list: string) => `arrayFilter(number -> number > 0, arrayMap(item -> numbers[item + 1], ${list}))`;
  const translated = (list: string) => `arrayMap(number -> toUInt32(number - 1), ${known(list)})`;
  await work.run(`
INSERT INTO ${table}
WITH (
  SELECT groupArray(number) FROM (
    SELECT if(t.item_id = '', 0, toUInt64(t.item) + 1) AS number
    FROM ${from.items} AS f GLOBAL LEFT JOIN ${to.items} AS t ON f.item_id = t.item_id
    ORDER BY f.item
  )
) AS numbers
SELECT case, actor_id, ${translated("history")} AS history,
  arrayFilter((weight, item) -> numbers[item + 1] > 0, history_weights, c.history) AS history_weights,
  ${translated("recent")} AS recent, ${translated("masked")} AS masked, ${translated("truth")} AS truth, relevant
FROM ${cases.table} AS c`);
  const { contexts } = cases;
  return { ...(await countCases(work, table)), actors: cases.actors, ...(contexts === undefined ? {} : { contexts }) };
}
