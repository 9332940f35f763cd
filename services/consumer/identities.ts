/** What sign-ins change: an anonymous visitor's touches and conversions count as those of the user that it turned out to be. */
import { anonymousActor, type Link } from "../activity/index.ts";
import { type ClickHouse, peopleOf, readLinks } from "../clickhouse/index.ts";
import { type AttributionSpec, type Pair, pairKey, type TouchedPairs } from "./attribution.ts";
import type { SeenLink } from "./known-links.ts";
import { inParts } from "./parts.ts";

/** @throws ClickHouseError */
export async function storeLinks(clickhouse: ClickHouse, links: readonly SeenLink[]): Promise<void> {
  const rows = links.map(({ anonymousId, userId, linkedAt, seenAt }) => ({
    anonymous_id: anonymousId,
    link: [linkedAt, userId],
    seen_at: seenAt,
  }));
  await clickhouse.insert("identities", rows);
}

/**
 * Joins the whole past of those who signed in. Call it after the links are stored: of two writers, one of whom stores a
 * link and the other an event, at least one then sees both.
 *
 * @throws ClickHouseError
 */
export async function joinPast(clickhouse: ClickHouse, links: readonly Link[], spec: AttributionSpec): Promise<void> {
  const actorsOf = ({ userId, anonymousId }: Link) => [userId, anonymousActor(anonymousId)];
  for (const part of inParts(links, actorsOf)) {
    const people = peopleOf(await readLinks(clickhouse, [...new Set(part.flatMap(actorsOf))]));
    const everything = [...people].map(([user, actors]) => ({ user, actors, items: [] }));
    await joinTouches(clickhouse, everything, EVER, spec);
  }
}

/**
 * Joins what a batch touched, where an actor of it is one of several of a person.
 *
 * @param candidates pairs with a conversion in the time of the batch; `null`: too many to tell
 * @throws ClickHouseError
 */
export async function joinTouched(
  clickhouse: ClickHouse,
  touched: TouchedPairs,
  candidates: readonly Pair[] | null,
  spec: AttributionSpec,
): Promise<void> {
  const touchedItems = new Set([...touched.pairs.values()].map(({ item_id }) => item_id));
  const asked = candidates?.filter(({ item_id }) => touchedItems.has(item_id)) ?? [...touched.pairs.values()];
  if (asked.length === 0 || !(await anyLinks(clickhouse))) return;
  for (const part of inParts(new Set(asked.map(({ actor_id }) => actor_id)), (actor) => [actor])) {
    const people = peopleOf(await readLinks(clickhouse, part));
    const userOf = new Map([...people].flatMap(([user, actors]) => actors.map((actor) => [actor, user] as const)));
    const items = new Map<string, Set<string>>();
    for (const { actor_id, item_id } of asked) {
      const user = userOf.get(actor_id);
      if (user === undefined) continue;
      const actors = people.get(user) ?? [];
      const isTouched = actors.some((actor) => touched.pairs.has(pairKey({ actor_id: actor, item_id })));
      if (isTouched) items.set(user, (items.get(user) ?? new Set()).add(item_id));
    }
    const asking = [...items].map(([user, ofUser]) => ({ user, actors: people.get(user) ?? [], items: [...ofUser] }));
    await joinTouches(clickhouse, asking, touched, spec);
  }
}

/** A shop without sign-ins pays for this look alone. */
async function anyLinks(clickhouse: ClickHouse): Promise<boolean> {
  const rows = await clickhouse.query("SELECT 1 FROM identities LIMIT 1");
  return rows.length > 0;
}

interface Person {
  readonly user: string;
  readonly actors: readonly string[];
  /** Empty: all. */
  readonly items: readonly string[];
}

/** Of conversions; milliseconds since 1970, both ends included. */
type Period = Pick<TouchedPairs, "from" | "to">;

const EVER: Period = { from: 0, to: Date.UTC(2200, 0) };

/** Items that are named in a statement; beyond it all items of a person are asked for. */
const ITEMS_OF_PERSON = 1_000;

/**
 * For each conversion of one actor and each other actor of the same person, the first and the last touch that it adds.
 * A row depends on these two actors alone, so it stays true whoever the visitor belongs to: what counts today is
 * decided where rows are read (the view `checkouts`).
 */
const JOIN_TOUCHES = `
INSERT INTO joined_touches (actor_id, item_id, checkout_id, touch_actor_id, occurred_at, first_touch, last_touch)
SELECT
  checkout.actor_id, checkout.item_id, checkout.checkout_id, touch.actor_id, any(checkout.occurred_at),
  min((touch.occurred_at, touch.event_id)),
  max((touch.occurred_at, touch.event_id))
FROM (
  SELECT
    transform(actor_id, {actors:Array(String)}, {users:Array(String)}, '') AS user,
    actor_id, item_id, occurred_at, event_id
  FROM touches
  WHERE actor_id IN {actors:Array(String)}
    AND (empty({items:Array(String)}) OR item_id IN {items:Array(String)})
    AND event IN {touches:Array(String)}
    AND occurred_at >= fromUnixTimestamp64Milli({from:Int64}) - toIntervalSecond({window:UInt32})
    AND occurred_at <= fromUnixTimestamp64Milli({to:Int64})
) AS touch
INNER JOIN (
  SELECT
    transform(actor_id, {actors:Array(String)}, {users:Array(String)}, '') AS user,
    actor_id, item_id, checkout_id, occurred_at
  FROM attributed_checkouts FINAL
  WHERE actor_id IN {actors:Array(String)}
    AND (empty({items:Array(String)}) OR item_id IN {items:Array(String)})
    AND occurred_at BETWEEN fromUnixTimestamp64Milli({from:Int64}) AND fromUnixTimestamp64Milli({to:Int64})
) AS checkout ON checkout.user = touch.user AND checkout.item_id = touch.item_id
WHERE touch.actor_id != checkout.actor_id
  AND touch.occurred_at <= checkout.occurred_at
  AND touch.occurred_at >= checkout.occurred_at - toIntervalSecond({window:UInt32})
GROUP BY checkout.actor_id, checkout.item_id, checkout.checkout_id, touch.actor_id`;

async function joinTouches(
  clickhouse: ClickHouse,
  people: readonly Person[],
  { from, to }: Period,
  spec: AttributionSpec,
): Promise<void> {
  const namesItems = ({ items }: Person) => items.length > 0 && items.length <= ITEMS_OF_PERSON;
  const idsOf = (person: Person) => [
    ...person.actors.flatMap((actor) => [actor, person.user]),
    ...(namesItems(person) ? person.items : []),
  ];
  for (const part of inParts(people, idsOf)) {
    await clickhouse.command(JOIN_TOUCHES, {
      actors: part.flatMap(({ actors }) => actors),
      users: part.flatMap(({ user, actors }) => actors.map(() => user)),
      items: part.every(namesItems) ? [...new Set(part.flatMap(({ items }) => items))] : [],
      from,
      to,
      touches: spec.touches,
      window: spec.windowSeconds,
    });
  }
}
