/** Items and people as the tables have them: names, prices and pictures for what answers know as ids. */
import { type ClickHouse, peopleOf, readLinks } from "../clickhouse/index.ts";

export interface Item {
  readonly id: string;
  /** `""`: the catalogue does not have it, or has no name for it. */
  readonly name: string;
  readonly description: string;
  readonly categories: readonly string[];
  readonly tags: readonly string[];
  readonly price: number | null;
  readonly currency: string;
  readonly stock: number | null;
  readonly hidden: boolean;
  /** Milliseconds since 1970; `null`: the shop does not say. */
  readonly createdAt: number | null;
  /** An address; `null`: none. */
  readonly picture: string | null;
  /** Further ones that are texts, numbers or lists of them, as text. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Person {
  /** A user's, or `anonymous:...`, or `session:...`. */
  readonly id: string;
  /** As the shop's users table calls them; `""`: it does not. */
  readonly name: string;
  readonly events: number;
  /** Milliseconds since 1970. */
  readonly lastAt: number;
}

export interface Search {
  /** Words that an item's name, id, categories or tags hold; `""`: any. */
  readonly text: string;
  /** `""`: any. */
  readonly category: string;
  readonly limit: number;
  readonly offset: number;
}

export interface Shop {
  /** By id, those that the catalogue has. */
  items(ids: readonly string[]): Promise<ReadonlyMap<string, Item>>;
  search(search: Search): Promise<{ readonly items: readonly Item[]; readonly total: number }>;
  /** The largest first. */
  categories(limit: number): Promise<readonly { readonly category: string; readonly items: number }[]>;
  /** Of the last 30 days of activity, by event. */
  activity(
    item: string,
  ): Promise<readonly { readonly event: string; readonly events: number; readonly users: number }[]>;
  /** Who was there last, of those whose id or name holds the text; without a text those who are signed in alone. */
  people(text: string, limit: number): Promise<readonly Person[]>;
  /** With what they did before they signed in. */
  person(id: string): Promise<Person | null>;
}

/** A page is no reason to keep the database busy: what takes longer fails, and the page says so. */
const LIMITS = "SETTINGS max_execution_time = 5";

const COLUMNS = `
  item_id, name, description, categories, tags, toFloat64(price) AS price_number, currency, toFloat64(stock) AS pieces, hidden,
  toUnixTimestamp64Milli(created_at) AS created, attributes`;

const ITEMS = `SELECT ${COLUMNS} FROM items FINAL WHERE item_id IN {ids:Array(String)} ${LIMITS}`;

const MATCHES = `
  ({category:String} = '' OR has(categories, {category:String}))
  AND arrayAll(
    word -> positionCaseInsensitiveUTF8(
      concat(name, ' ', item_id, ' ', arrayStringConcat(categories, ' '), ' ', arrayStringConcat(tags, ' ')), word
    ) > 0,
    {words:Array(String)}
  )`;

const SEARCH = `
SELECT ${COLUMNS}
FROM items FINAL
WHERE ${MATCHES}
ORDER BY
  item_id = {text:String} DESC,
  arrayAll(word -> positionCaseInsensitiveUTF8(name, word) > 0, {words:Array(String)}) DESC,
  if(empty({words:Array(String)}), created_at, NULL) DESC NULLS LAST, name, item_id
LIMIT {limit:UInt32} OFFSET {skip:UInt32}
${LIMITS}`;

/** By itself: a page beyond the last has no row that could say it. */
const FOUND = `SELECT toUInt32(count()) AS total FROM items FINAL WHERE ${MATCHES} ${LIMITS}`;

const CATEGORIES = `
SELECT category, toUInt32(count()) AS items
FROM items FINAL
ARRAY JOIN categories AS category
GROUP BY category
ORDER BY items DESC, category
LIMIT {limit:UInt32}
${LIMITS}`;

/** Counted from the youngest event: a shop that was imported has its days in the past. */
const ACTIVITY = `
SELECT event, toUInt32(uniqExact(event_id)) AS events, toUInt32(uniqExact(actor_id)) AS users
FROM events
WHERE item_id = {item:String} AND occurred_at > (SELECT max(occurred_at) FROM events) - INTERVAL 30 DAY
GROUP BY event
ORDER BY events DESC
${LIMITS}`;

const PEOPLE = `
SELECT actor_id AS id
FROM events
WHERE occurred_at > (SELECT max(occurred_at) FROM events) - INTERVAL 30 DAY
  AND if(
    {text:String} = '',
    user_id != '',
    positionCaseInsensitiveUTF8(actor_id, {text:String}) > 0
      OR positionCaseInsensitiveUTF8(user_attributes['username'], {text:String}) > 0
  )
GROUP BY actor_id
ORDER BY actor_id = {text:String} DESC, max(occurred_at) DESC, actor_id
LIMIT {limit:UInt32}
${LIMITS}`;

/** Repeats of an event count once. */
const ACTORS = `
SELECT actor_id AS id, anyLast(user_attributes['username']) AS name, toUInt32(uniqExact(topic, event_id)) AS events,
  toUnixTimestamp64Milli(max(occurred_at)) AS last
FROM events
WHERE actor_id IN {actors:Array(String)}
GROUP BY actor_id
${LIMITS}`;

interface ItemRow {
  readonly item_id: string;
  readonly name: string;
  readonly description: string;
  readonly categories: string[];
  readonly tags: string[];
  readonly price_number: number | null;
  readonly currency: string;
  readonly pieces: number | null;
  readonly hidden: boolean;
  readonly created: string | null;
  readonly attributes: Record<string, string>;
}

interface ActorRow {
  readonly id: string;
  readonly name: string;
  readonly events: number;
  readonly last: string;
}

/** @param clickhouse a connection of the console's own: nothing that serves waits for a page. Each call @throws ClickHouseError */
export function shopOf(clickhouse: ClickHouse): Shop {
  return {
    async items(ids) {
      const distinct = [...new Set(ids)];
      if (distinct.length === 0) return new Map();
      const rows = await clickhouse.query<ItemRow>(ITEMS, { ids: distinct });
      return new Map(rows.map((row) => [row.item_id, itemOf(row)]));
    },
    async search({ text, category, limit, offset }) {
      const words = text.split(/\s+/).filter((word) => word !== "");
      const rows = await clickhouse.query<ItemRow>(SEARCH, { text, words, category, limit, skip: offset });
      const [found] = await clickhouse.query<{ readonly total: number }>(FOUND, { words, category });
      return { items: rows.map(itemOf), total: found?.total ?? 0 };
    },
    categories: (limit) => clickhouse.query(CATEGORIES, { limit }),
    activity: (item) => clickhouse.query(ACTIVITY, { item }),
    async people(text, limit) {
      const rows = await clickhouse.query<{ readonly id: string }>(PEOPLE, { text, limit });
      const people = await peopleKnown(
        clickhouse,
        rows.map(({ id }) => id),
      );
      // They went on meanwhile, or on another device.
      return text === "" ? people.sort((one, other) => other.lastAt - one.lastAt) : people;
    },
    async person(id) {
      return (await peopleKnown(clickhouse, [id]))[0] ?? null;
    },
  };
}

/** Those of the ids of whom there are events, in this order: all that they did, whichever device it was on. */
async function peopleKnown(clickhouse: ClickHouse, ids: readonly string[]): Promise<Person[]> {
  if (ids.length === 0) return [];
  const people = [...peopleOf(await readLinks(clickhouse, ids)).values()];
  const actorsOf = new Map(ids.map((id) => [id, people.find((actors) => actors.includes(id)) ?? [id]]));
  const rows = await clickhouse.query<ActorRow>(ACTORS, { actors: [...new Set([...actorsOf.values()].flat())] });
  return ids.flatMap((id) => {
    const own = rows.filter((row) => actorsOf.get(id)?.includes(row.id));
    if (own.length === 0) return [];
    const name = own.find((row) => row.name !== "")?.name ?? "";
    return {
      ...{ id, name: plain(name) ?? name },
      events: own.reduce((sum, { events }) => sum + events, 0),
      lastAt: Math.max(...own.map(({ last }) => Number(last))),
    };
  });
}

function itemOf(row: ItemRow): Item {
  const attributes = Object.entries(row.attributes).flatMap(([name, json]) => {
    const text = plain(json);
    return text === null ? [] : [[name, text] as const];
  });
  const picture = attributes.find(([name, text]) => PICTURE.test(name) && isWebAddress(text));
  return {
    id: row.item_id,
    name: row.name,
    description: row.description,
    categories: row.categories,
    tags: row.tags,
    price: row.price_number,
    currency: row.currency,
    stock: row.pieces,
    hidden: row.hidden,
    createdAt: row.created === null ? null : Number(row.created),
    picture: picture?.[1] ?? null,
    attributes: Object.fromEntries(attributes.filter((attribute) => attribute !== picture)),
  };
}

/** What shops call the address of a picture. */
const PICTURE = /^(image|picture|photo|thumbnail)s?[-_ ]?(url|link|src)?$/i;

/** Its host goes into the policy of the page, where `;` and `*` have a meaning; a URL may hold both. */
export function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return /^https?:$/.test(protocol) && /^[a-z0-9.-]{1,253}$/.test(hostname);
}

/** JSON text as a person reads it; `null` for an object, and for what is no JSON. */
function plain(json: string): string | null {
  try {
    const value: unknown = JSON.parse(json);
    if (Array.isArray(value)) return value.map(String).join(", ");
    return typeof value === "object" ? null : String(value);
  } catch {
    return null;
  }
}
