import { anonymousActor, anonymousIdOf, type Link, MAX_VISITORS } from "../activity/index.ts";
import type { ClickHouse } from "./client.ts";

/**
 * The link that holds of each visitor that is asked for, and of the latest visitors of each user that is concerned; some
 * of those may be another's.
 */
const LINKS = `
SELECT anonymous_id, tupleElement(holding, 2) AS user_id, toUnixTimestamp64Milli(tupleElement(holding, 1)) AS linked_at
FROM (
  SELECT anonymous_id, min(link) AS holding
  FROM identities
  WHERE anonymous_id GLOBAL IN (
    SELECT anonymous_id FROM (
      SELECT user_id, anonymous_id, min(linked_at) AS first_linked_at
      FROM user_identities
      WHERE user_id GLOBAL IN (
        SELECT arrayJoin({users:Array(String)})
        UNION ALL
        SELECT tupleElement(min(link), 2) FROM identities
        WHERE anonymous_id IN {visitors:Array(String)} GROUP BY anonymous_id
      )
      GROUP BY user_id, anonymous_id
      ORDER BY first_linked_at DESC, anonymous_id
      LIMIT {limit:UInt32} BY user_id
    )
    UNION ALL
    SELECT arrayJoin({visitors:Array(String)})
  )
  GROUP BY anonymous_id
)
ORDER BY user_id, linked_at DESC, anonymous_id`;

interface LinkRow {
  readonly anonymous_id: string;
  readonly user_id: string;
  readonly linked_at: string;
}

/**
 * Who else the given actors are: the links of the visitors among them, and those of the latest MAX_VISITORS visitors
 * of each user that is one of them or that one of them signed in as. One statement: give a few thousand actors at most.
 *
 * @throws ClickHouseError
 */
export async function readLinks(clickhouse: ClickHouse, actorIds: readonly string[]): Promise<Link[]> {
  const visitors = new Set<string>();
  const users = new Set<string>();
  for (const actorId of actorIds) {
    const visitor = anonymousIdOf(actorId);
    if (visitor === null) users.add(actorId);
    else visitors.add(visitor);
  }
  const parameters = { visitors: [...visitors], users: [...users], limit: MAX_VISITORS };
  const rows = await clickhouse.query<LinkRow>(LINKS, parameters);
  for (const row of rows) if (visitors.has(row.anonymous_id)) users.add(row.user_id);
  return rows
    .filter((row) => users.has(row.user_id))
    .map((row) => ({ anonymousId: row.anonymous_id, userId: row.user_id, linkedAt: Number(row.linked_at) }));
}

/**
 * The actors of each user that is more than one, its own first.
 *
 * @param links as `readLinks` returns them
 */
export function peopleOf(links: readonly Link[]): Map<string, string[]> {
  const people = new Map<string, string[]>();
  for (const { userId, anonymousId } of links) {
    const actors = people.get(userId) ?? [userId];
    if (actors.length <= MAX_VISITORS) actors.push(anonymousActor(anonymousId));
    people.set(userId, actors);
  }
  return people;
}
