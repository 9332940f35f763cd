import type { ClickHouse } from "../clickhouse/index.ts";
import { type PastSession, type SessionParameters, SessionScorer, sessionIndex } from "../scoring/index.ts";
import type { ItemIndex } from "./item-index.ts";
import type { Sessions } from "./model.ts";
import { BrokenModelError, checkCount, numbersOf, PAGE, type PublishedVersion, served } from "./model-tables.ts";

const SESSION_PAGE = `
SELECT session, toUnixTimestamp64Milli(ended_at) AS ended, items
FROM model_sessions
WHERE version = {version:String} AND session >= {from:UInt32} AND session < {to:UInt32}
ORDER BY session`;

const RARITY_PAGE = `
SELECT item_id, vector[1] AS rarity
FROM model_vectors
WHERE version = {version:String} AND item_id > {after:String}
ORDER BY item_id
LIMIT {limit:UInt32}`;

/** Some ten items each. */
const SESSIONS_PER_PAGE = 2_500;

const NUMBERS = [
  "sessions",
  "neighbours",
  "lastItems",
  "rarityPower",
  "positionDecay",
  "matchDecay",
  "lengthPower",
  "recencyDays",
  "distanceDecay",
] as const satisfies readonly (keyof SessionParameters)[];

/**
 * Reads a version of session neighbours, a range of sessions at a time.
 *
 * @throws BrokenModelError
 * @throws ClickHouseError
 */
export async function loadSessions(
  clickhouse: ClickHouse,
  items: ItemIndex,
  published: PublishedVersion,
  now: () => number,
): Promise<Sessions> {
  const { version, dataTo } = published;
  const parameters: SessionParameters = numbersOf(published, NUMBERS);
  const rarities: [number, number][] = [];
  for (let after = ""; ; ) {
    const page = await clickhouse.query<{ item_id: string; rarity: number }>(RARITY_PAGE, {
      version,
      after,
      limit: PAGE,
    });
    for (const { item_id, rarity } of page) rarities.push([items.intern(item_id), rarity]);
    if (page.length < PAGE) break;
    after = page.at(-1)?.item_id ?? after;
  }
  const sessions: PastSession[] = [];
  for (;;) {
    const from = sessions.length;
    const page = await clickhouse.query<{ session: number; ended: string; items: string[] }>(SESSION_PAGE, {
      version,
      from,
      to: from + SESSIONS_PER_PAGE,
    });
    for (const { session, ended, items: ids } of page) {
      if (session !== sessions.length) {
        throw new BrokenModelError(`version ${version} has session ${session} where ${sessions.length} is due`);
      }
      const ageDays = ((dataTo ?? Number(ended)) - Number(ended)) / 86_400_000;
      sessions.push({ ageDays, items: ids.map((id) => items.intern(id)) });
    }
    if (page.length < SESSIONS_PER_PAGE) break;
  }
  checkCount(published, sessions.length + rarities.length);
  const rarity = new Float32Array(items.size);
  for (const [item, value] of rarities) {
    if (!Number.isFinite(value)) throw new BrokenModelError(`version ${version} has a rarity that is no number`);
    rarity[item] = value;
  }
  const index = sessionIndex(sessions, rarity, parameters.sessions);
  return { ...served(published, now), scorer: new SessionScorer(index, parameters) };
}
