/** One file in two parts by time. */
import { ACTIVITY_COLUMNS } from "../interactions.ts";
import type { WorkTables } from "../work-tables.ts";

/** The last so many hours of a data set, or the last share of its events. */
export type Holdout = { readonly hours: number } | { readonly share: number };

const COLUMNS = `${ACTIVITY_COLUMNS},\nposition UInt64`;

/**
 * Parts events at a moment.
 *
 * @param table of ACTIVITY_COLUMNS and position
 * @param wholeSessions an actor that began before the moment is in the train part, up to the moment; in the test part are
 * those that began later
 */
export async function splitByTime(
  work: WorkTables,
  table: string,
  holdout: Holdout,
  wholeSessions: boolean,
): Promise<{ train: string; test: string }> {
  const boundary = await boundaryOf(work, table, holdout);
  const train = await work.create({ name: "train", columns: COLUMNS, orderBy: "(actor_id, item_id)" });
  const test = await work.create({ name: "test", columns: COLUMNS, orderBy: "(actor_id, item_id)" });
  const before = "toUnixTimestamp64Milli(occurred_at) < {boundary:Int64}";
  await work.run(`INSERT INTO ${train} SELECT * FROM ${table} WHERE ${before}`, { boundary });
  const begunBefore = `actor_id GLOBAL IN (SELECT actor_id FROM ${table} WHERE ${before})`;
  await work.run(
    `INSERT INTO ${test} SELECT * FROM ${table} WHERE NOT (${before})${wholeSessions ? ` AND NOT (${begunBefore})` : ""}`,
    { boundary },
  );
  return { train, test };
}

async function boundaryOf(work: WorkTables, table: string, holdout: Holdout): Promise<number> {
  const milliseconds = "toUnixTimestamp64Milli(occurred_at)";
  const expression =
    "hours" in holdout
      ? `toInt64(max(${milliseconds}) - {hours:Float64} * 3600000)`
      : `toInt64(quantileExact({level:Float64})(${milliseconds}))`;
  const [row] = await work.clickhouse.query<{ boundary: string }>(
    `SELECT ${expression} AS boundary FROM ${table}`,
    "hours" in holdout ? { hours: holdout.hours } : { level: 1 - holdout.share },
  );
  return Number(row?.boundary ?? 0);
}
