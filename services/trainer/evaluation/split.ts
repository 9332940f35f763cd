/** One file in two parts: by time, or by what each user did last. */
import { ACTIVITY_COLUMNS } from "../interactions.ts";
import type { WorkTables } from "../work-tables.ts";

/** The last so many hours of a data set, or the last share of its events. */
export type Period = { readonly hours: number } | { readonly share: number };

/** `last`: of each user the last item. */
export type Holdout = Period | "last";

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
  holdout: Period,
  wholeSessions: boolean,
): Promise<{ train: string; test: string }> {
  const boundary = await boundaryOf(work, table, holdout);
  const [train, test] = [await createPart(work, "train"), await createPart(work, "test")];
  const before = "toUnixTimestamp64Milli(occurred_at) < {boundary:Int64}";
  await work.run(`INSERT INTO ${train} SELECT * FROM ${table} WHERE ${before}`, { boundary });
  const begunBefore = `actor_id GLOBAL IN (SELECT actor_id FROM ${table} WHERE ${before})`;
  await work.run(
    `INSERT INTO ${test} SELECT * FROM ${table} WHERE NOT (${before})${wholeSessions ? ` AND NOT (${begunBefore})` : ""}`,
    { boundary },
  );
  return { train, test };
}

/**
 * Leave one out, as in He et al., WWW 2017: held out is the item of each user's last event, with all that the user did with it.
 * Users of one item stay whole, in the train part.
 *
 * @param table as for splitByTime; what is as old goes by position
 * @param counted condition on the events that count
 */
export async function splitLast(
  work: WorkTables,
  table: string,
  counted: string,
): Promise<{ train: string; test: string }> {
  const [train, test] = [await createPart(work, "train"), await createPart(work, "test")];
  await work.run(`INSERT INTO ${test} SELECT * FROM ${table} WHERE (actor_id, item_id) GLOBAL IN (
    SELECT actor_id, argMax(item_id, last) FROM (${pairsOf(table, counted)}) GROUP BY actor_id HAVING count() > 1)`);
  const isHeldOut = `(actor_id, item_id) GLOBAL IN (SELECT actor_id, item_id FROM ${test})`;
  await work.run(`INSERT INTO ${train} SELECT * FROM ${table} WHERE NOT (${isHeldOut})`);
  return { train, test };
}

/**
 * The k-core: what is left when users with fewer than `least` items and items with fewer than `least` users are taken away
 * again and again, until all that are left have as many.
 *
 * @param table as for splitByTime
 * @param counted condition on the events that count
 * @returns another such table
 */
export async function coreOf(work: WorkTables, table: string, counted: string, least: number): Promise<string> {
  const create = (round: number) =>
    work.create({
      name: `core_${round % 2}`,
      columns: "actor_id String, item_id String",
      orderBy: "(actor_id, item_id)",
    });
  let pairs = await create(0);
  await work.run(`INSERT INTO ${pairs} SELECT actor_id, item_id FROM (${pairsOf(table, counted)})`);
  const having = (column: string) =>
    `${column} GLOBAL IN (SELECT ${column} FROM ${pairs} GROUP BY ${column} HAVING count() >= {least:UInt32})`;
  let before = await countOf(work, pairs);
  for (let round = 1; ; round += 1) {
    const left = await create(round);
    await work.run(`INSERT INTO ${left} SELECT * FROM ${pairs} WHERE ${having("actor_id")} AND ${having("item_id")}`, {
      least,
    });
    const count = await countOf(work, left);
    pairs = left;
    if (count === before) break;
    before = count;
  }
  const core = await createPart(work, "core");
  const isLeft = (column: string) => `${column} GLOBAL IN (SELECT ${column} FROM ${pairs})`;
  await work.run(`INSERT INTO ${core} SELECT * FROM ${table} WHERE ${isLeft("actor_id")} AND ${isLeft("item_id")}`);
  return core;
}

/** Users and the items of which they have something left, with the moment of the last event that counts. */
function pairsOf(table: string, counted: string): string {
  return `
    SELECT actor_id, item_id, maxIf((occurred_at, position), event != 'refund') AS last
    FROM ${table} WHERE (${counted}) OR event = 'refund'
    GROUP BY actor_id, item_id
    HAVING countIf(event NOT IN ('purchase', 'refund')) > 0
      OR sumIf(quantity, event = 'purchase') > sumIf(quantity, event = 'refund')`;
}

export async function countOf({ clickhouse }: WorkTables, table: string): Promise<number> {
  const [row] = await clickhouse.query<{ rows: string }>(`SELECT count() AS rows FROM ${table}`);
  return Number(row?.rows ?? 0);
}

function createPart(work: WorkTables, name: string): Promise<string> {
  return work.create({ name, columns: COLUMNS, orderBy: "(actor_id, item_id)" });
}

async function boundaryOf(work: WorkTables, table: string, holdout: Period): Promise<number> {
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
