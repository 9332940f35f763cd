/**
 * Items of past sessions that resemble the current one: VMIS-kNN with the weightings of STAN and VSTAN. The formulas and
 * the papers are in services/scoring/session-neighbours.ts; here the index is built, by SQL.
 */
import { type PastSession, type SessionParameters, SessionScorer, sessionIndex } from "../../../scoring/index.ts";
import { weightingParameters } from "../../interactions.ts";
import type { Matrix } from "../../matrix.ts";
import type { SearchSpace } from "../../tuning/space.ts";
import type { WorkTables } from "../../work-tables.ts";
import type { Algorithm, FitContext, FittedModel } from "../algorithm.ts";
import { rankCases } from "../rank-cases.ts";

export interface SessionNeighboursParameters extends SessionParameters {
  /** Where the source names no session, one ends after so long without an event. */
  readonly gapMinutes: number;
  /** Distinct items of a session; longer ones are crawlers and left out. */
  readonly longestSession: number;
  /** The youngest are kept, what bounds the memory of trainer and recommender. */
  readonly maximumSessions: number;
}

const DEFAULTS: SessionNeighboursParameters = {
  sessions: 500,
  neighbours: 200,
  lastItems: 6,
  rarityPower: 1,
  positionDecay: 2,
  matchDecay: 0.15,
  lengthPower: 0,
  recencyDays: 30,
  distanceDecay: 1,
  gapMinutes: 30,
  longestSession: 50,
  maximumSessions: 1_000_000,
};

const SPACE: SearchSpace = {
  sessions: { choices: [200, 500, 1_000, 2_000] },
  neighbours: { from: 50, to: 500, logarithmic: true, whole: true },
  lastItems: { from: 1, to: 15, whole: true },
  rarityPower: { from: 0, to: 2 },
  positionDecay: { from: 0.5, to: 10, logarithmic: true },
  matchDecay: { from: 0, to: 0.3 },
  lengthPower: { from: 0, to: 1 },
  recencyDays: { from: 1, to: 120, logarithmic: true },
  distanceDecay: { from: 0.3, to: 10, logarithmic: true },
};

/** Sessions that are read, or written, at once. */
const PAGE = 20_000;

export function sessionNeighbours(parameters: Partial<SessionNeighboursParameters> = {}): Algorithm {
  const configuration = { ...DEFAULTS, ...parameters };
  return {
    name: "sessionNeighbours",
    needsTime: true,
    parameters: { ...configuration },
    space: SPACE,
    async fit(context) {
      const { work, name, onProgress } = context;
      const sessions = await createSessions(context, configuration);
      onProgress(0.4);
      const rarity = await work.create({
        name: `${name}_rarity`,
        columns: "item UInt32, rarity Float32",
        orderBy: "item",
      });
      await work.run(`
INSERT INTO ${rarity}
SELECT item, toFloat32(log((SELECT sum(length(items)) FROM ${sessions}) / count())) AS rarity
FROM ${sessions} ARRAY JOIN items AS item
GROUP BY item`);
      const kept = await work.create({
        name: `${name}_kept`,
        columns: "session UInt32, ended_at DateTime64(3, 'UTC'), items Array(UInt32)",
        orderBy: "session",
      });
      await work.run(
        `
INSERT INTO ${kept}
SELECT session, ended_at, items FROM ${sessions}
WHERE session GLOBAL IN (
  SELECT session
  FROM (SELECT session, item FROM ${sessions} ARRAY JOIN items AS item ORDER BY item, session LIMIT {sessions:UInt32} BY item)
)`,
        { sessions: configuration.sessions },
      );
      onProgress(0.8);
      const model = await sessionModel(context, kept, rarity, configuration);
      onProgress(1);
      return model;
    },
  };
}

/**
 * Table (session UInt32, ended_at, items Array(UInt32)): the youngest is session 0, ties by actor; items in the order in
 * which they were touched last.
 */
async function createSessions(context: FitContext, parameters: SessionNeighboursParameters): Promise<string> {
  const { work, name, activity, weighting, window, matrix } = context;
  const sessions = await work.create({
    name: `${name}_sessions`,
    columns: "session UInt32, ended_at DateTime64(3, 'UTC'), items Array(UInt32)",
    orderBy: "session",
  });
  await work.run(
    `
INSERT INTO ${sessions}
SELECT toUInt32(row_number() OVER (ORDER BY ended_at DESC, actor_id, session_id, items) - 1) AS session, ended_at, items
FROM (
  SELECT actor_id, session_id,
    fromUnixTimestamp64Milli(arrayMax(part.1), 'UTC') AS ended_at,
    arrayReverse(arrayDistinct(arrayReverse(part.2))) AS items
  FROM (
    SELECT actor_id, session_id, arraySort(groupArray((toUnixTimestamp64Milli(occurred_at), n.item))) AS touches,
      arraySplit(
        (touch, pause) -> pause > {gapMinutes:Float64} * 60000 AND session_id = '',
        touches, arrayDifference(touches.1)) AS parts
    FROM ${activity} AS e GLOBAL INNER JOIN ${matrix.items} AS n ON e.item_id = n.item_id
    WHERE {weights:Map(String, Float64)}[event] > 0 AND toUnixTimestamp64Milli(occurred_at) < {before:Int64}
    GROUP BY actor_id, session_id
  )
  ARRAY JOIN parts AS part
  WHERE length(items) BETWEEN 2 AND {longestSession:UInt32}
  ORDER BY ended_at DESC, actor_id, session_id, items
  LIMIT {maximumSessions:UInt32}
)`,
    { ...weightingParameters(weighting, window), ...parameters },
  );
  return sessions;
}

async function sessionModel(
  { work, matrix, window }: FitContext,
  sessions: string,
  rarity: string,
  parameters: SessionNeighboursParameters,
): Promise<FittedModel> {
  const index = sessionIndex(
    await readSessions(work, sessions, window.watermark),
    await readRarity(work, rarity, matrix),
    parameters.sessions,
  );
  const scorer = new SessionScorer(index, parameters);
  return {
    rank: (cases, into, length) =>
      rankCases(work, cases, into, length, (question, visit) => scorer.score(question.recent, visit)),
    async store(version) {
      const count = index.ageDays.length;
      for (let from = 0; from < count; from += PAGE) {
        await work.run(storeSessions(sessions, matrix), { version, from, to: from + PAGE });
      }
      await work.run(
        `
INSERT INTO model_vectors
SELECT {version:String} AS version, n.item_id AS item_id, [r.rarity] AS vector
FROM ${rarity} AS r GLOBAL INNER JOIN ${matrix.items} AS n ON r.item = n.item`,
        { version },
      );
    },
    async fault() {
      return index.ageDays.length === 0 ? "no session has two items" : undefined;
    },
  };
}

async function readSessions(work: WorkTables, table: string, watermark: number): Promise<PastSession[]> {
  const sessions: PastSession[] = [];
  for (let after = -1; ; ) {
    const page = await work.clickhouse.query<{ session: number; ended: string; items: number[] }>(
      `SELECT session, toUnixTimestamp64Milli(ended_at) AS ended, items FROM ${table}
       WHERE session > {after:Int64} ORDER BY session LIMIT {limit:UInt32}`,
      { after, limit: PAGE },
    );
    for (const { ended, items } of page) sessions.push({ ageDays: (watermark - Number(ended)) / 86_400_000, items });
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return sessions;
    after = last.session;
  }
}

async function readRarity(work: WorkTables, table: string, matrix: Matrix): Promise<Float32Array> {
  const rows = await work.clickhouse.query<{ item: number; rarity: number }>(`SELECT item, rarity FROM ${table}`);
  const values = new Float32Array(matrix.itemCount);
  for (const { item, rarity } of rows) values[item] = rarity;
  return values;
}

function storeSessions(table: string, matrix: Matrix): string {
  return `
INSERT INTO model_sessions
WITH (SELECT groupArray(item_id) FROM (SELECT item_id FROM ${matrix.items} ORDER BY item)) AS item_ids
SELECT {version:String} AS version, number AS session, ended_at, arrayMap(item -> item_ids[item + 1], items) AS items
FROM (SELECT toUInt32(row_number() OVER (ORDER BY session) - 1) AS number, ended_at, items FROM ${table})
WHERE number >= {from:UInt32} AND number < {to:UInt32}`;
}
