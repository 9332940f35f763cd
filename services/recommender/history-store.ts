import { type ClickHouse, peopleOf, readLinks } from "../clickhouse/index.ts";
import type { HistoryStore } from "./actors.ts";
import { HISTORY_LIMITS } from "./history.ts";

/** Of two rows with one event id of one topic the later stored holds. */
const HISTORY = `
SELECT actor_id, event, item_id, toUnixTimestamp64Milli(occurred_at) AS occurred_at, quantity, event_id
FROM (
  SELECT actor_id, event, item_id, occurred_at, quantity, event_id, topic, ingested_at
  FROM events
  WHERE actor_id IN {actors:Array(String)}
  ORDER BY ingested_at DESC
  LIMIT 1 BY topic, event_id
)
WHERE item_id != '' AND event IN {events:Array(String)}
ORDER BY occurred_at DESC, event_id
LIMIT {limit:UInt32} BY actor_id`;

interface HistoryRow {
  readonly actor_id: string;
  readonly event: string;
  readonly item_id: string;
  readonly occurred_at: string;
  readonly quantity: number;
  readonly event_id: string;
}

/** Histories in ClickHouse. @param events the names of the events that can count */
export function clickHouseHistory(clickhouse: ClickHouse, events: readonly string[]): HistoryStore {
  return {
    async read(actorIds) {
      const links = await readLinks(clickhouse, actorIds);
      const actors = new Set(actorIds);
      for (const ofPerson of peopleOf(links).values()) for (const actor of ofPerson) actors.add(actor);
      const parameters = { actors: [...actors], events, limit: HISTORY_LIMITS.events };
      const rows = await clickhouse.query<HistoryRow>(HISTORY, parameters);
      const signals = rows.map((row) => ({
        actorId: row.actor_id,
        event: row.event,
        itemId: row.item_id,
        occurredAt: Number(row.occurred_at),
        quantity: row.quantity,
        eventId: row.event_id,
      }));
      return { actors: [...actors], links, signals };
    },
  };
}

const RECENT_ITEMS = `
SELECT item_id
FROM events
WHERE item_id != '' AND event IN {events:Array(String)}
GROUP BY item_id
ORDER BY max(occurred_at) DESC, item_id
LIMIT {limit:UInt32}`;

/** Items of the latest events, the newest first: what there is to show before there are a catalogue and a model. */
export async function recentItems(clickhouse: ClickHouse, events: readonly string[], limit: number): Promise<string[]> {
  const rows = await clickhouse.query<{ item_id: string }>(RECENT_ITEMS, { events, limit });
  return rows.map((row) => row.item_id);
}
