/** What settings are tried on: growing parts of the activity before a boundary, and the same later period for all. */
import {
  ACTIVITY_COLUMN_NAMES,
  ACTIVITY_COLUMNS,
  createInteractions,
  type Weighting,
  type Window,
} from "../interactions.ts";
import { actorCases, type JudgedCases, sessionCases } from "../judging/cases.ts";
import { createMatrix, type Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";

/** Of the events before the boundary the youngest, which trials are judged on. */
const HELD_OUT_SHARE = 0.1;
/** Of the largest rung. */
const MOST_CASES = 5_000;

export interface SlicedActivity {
  /** Table of ACTIVITY_COLUMNS. */
  readonly activity: string;
  /** Milliseconds since 1970: no event from then on is read. */
  readonly boundary: number;
  readonly weighting: Weighting;
  /** Actors are sessions: asked is for the next item of those that begin in the held-out period. */
  readonly sessions?: boolean;
}

/** Where the events before the boundary are parted: milliseconds since 1970. */
export interface Parting {
  readonly oldest: number;
  /** From then on events are held out; `null` where all have the same time: parted by the pair's hash. */
  readonly heldOutFrom: number | null;
}

/** The activity of one rung, ready to fit on, and what it is judged on. */
export interface Slice {
  readonly activity: string;
  readonly window: Window;
  readonly matrix: Matrix;
  readonly cases: JudgedCases;
}

const MILLISECONDS = "toUnixTimestamp64Milli(occurred_at)";
const BEFORE = `${MILLISECONDS} < {boundary:Int64}`;
const HASHED = `cityHash64(actor_id, item_id) % 1000 < ${HELD_OUT_SHARE * 1000}`;

/** @returns `null` without events @throws ClickHouseError */
export async function partingOf(work: WorkTables, { activity, boundary }: SlicedActivity): Promise<Parting | null> {
  const [row] = await work.clickhouse.query<{ events: string; oldest: string; parted: string }>(
    `SELECT count() AS events, min(${MILLISECONDS}) AS oldest, quantileExact({level:Float64})(${MILLISECONDS}) AS parted
     FROM ${activity} WHERE ${BEFORE}`,
    { boundary, level: 1 - HELD_OUT_SHARE },
  );
  if (row === undefined || row.events === "0") return null;
  const [oldest, parted] = [Number(row.oldest), Number(row.parted)];
  return { oldest, heldOutFrom: parted > oldest ? parted : null };
}

/**
 * The last `share` of the time before what is held out; without times, that share of the actors.
 *
 * @param name begins the names of work tables
 * @throws ClickHouseError
 */
export async function createSlice(
  work: WorkTables,
  name: string,
  sliced: SlicedActivity,
  { oldest, heldOutFrom }: Parting,
  share: number,
): Promise<Slice> {
  const { activity, boundary, weighting } = sliced;
  const table = await work.create({
    name: `${name}_activity`,
    columns: ACTIVITY_COLUMNS,
    orderBy: "(actor_id, item_id, occurred_at)",
    shardBy: "actor_id",
  });
  const from = heldOutFrom === null ? oldest : heldOutFrom - (heldOutFrom - oldest) * share;
  const parameters = {
    boundary,
    from: Math.floor(from),
    heldOutFrom: heldOutFrom ?? 0,
    actors: Math.round(share * 1000),
  };
  const chosen =
    heldOutFrom === null
      ? `cityHash64(actor_id) % 1000 < {actors:UInt32} AND NOT (${HASHED})`
      : `${MILLISECONDS} >= {from:Int64} AND ${MILLISECONDS} < {heldOutFrom:Int64}`;
  const columns = ACTIVITY_COLUMN_NAMES;
  await work.run(
    `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${activity} WHERE ${BEFORE} AND ${chosen}`,
    parameters,
  );
  const window = { watermark: heldOutFrom ?? oldest, before: null };
  const interactions = await createInteractions(work, `${name}_interactions`, table, weighting, window);
  const matrix = await createMatrix(work, name, interactions);
  const limit = Math.ceil(MOST_CASES * share);
  const asked = await createAsked(work, `${name}_asked`, sliced, heldOutFrom, limit);
  const cases =
    sliced.sessions && heldOutFrom !== null
      ? await sessionCases(work, name, matrix, asked)
      : await actorCases(work, name, matrix, asked, { withoutHistory: false, limit });
  return { activity: table, window, matrix, cases };
}

/** Held-out events, those of whole new sessions where actors are sessions, of which at most `limit` are taken. */
async function createAsked(
  work: WorkTables,
  name: string,
  { activity, boundary, weighting, sessions }: SlicedActivity,
  heldOutFrom: number | null,
  limit: number,
): Promise<string> {
  const columns = `${ACTIVITY_COLUMNS}, position UInt64`;
  const asked = await work.create({ name, columns, orderBy: "actor_id", shardBy: "actor_id" });
  const weighted = Object.keys(weighting.weights).filter((event) => (weighting.weights[event] ?? 0) > 0);
  const heldOut = heldOutFrom === null ? HASHED : `${MILLISECONDS} >= {heldOutFrom:Int64}`;
  const begunLater = `actor_id GLOBAL IN (
    SELECT actor_id FROM ${activity} WHERE ${BEFORE} GROUP BY actor_id HAVING min(${MILLISECONDS}) >= {heldOutFrom:Int64}
    ORDER BY cityHash64(actor_id), actor_id LIMIT {limit:UInt32})`;
  await work.run(
    `INSERT INTO ${asked} (${ACTIVITY_COLUMN_NAMES}, position)
     SELECT ${ACTIVITY_COLUMN_NAMES}, 0 AS position FROM ${activity}
     WHERE ${BEFORE} AND has({weighted:Array(String)}, event) AND ${heldOut}${sessions && heldOutFrom !== null ? ` AND ${begunLater}` : ""}`,
    { boundary, heldOutFrom: heldOutFrom ?? 0, weighted, limit },
  );
  return asked;
}
