import type { ShopEvent, ShopEventName } from "../events.ts";
import type { LineFormat } from "./format.ts";

const TYPES: Readonly<Partial<Record<ShopEventName, string>>> = {
  view: "clicks",
  add_to_cart: "carts",
  purchase: "orders",
};

/** A visit in which nothing has happened for so long is written; no visit of the shop pauses longer. */
const IDLE_MILLISECONDS = 2 * 3_600_000;

interface OpenSession {
  readonly events: object[];
  lastAt: number;
}

/** JSON lines of the OTTO data set: a line a session with its clicks, carts and orders, in order of the session's end. */
export const OTTO: LineFormat = {
  accepts: ({ event }) => TYPES[event] !== undefined,
  *lines(events) {
    // In order of the last event: each event moves its session to the end.
    const open = new Map<number, OpenSession>();
    for (const event of events) {
      for (const [session, { events: ended, lastAt }] of open) {
        if (lastAt + IDLE_MILLISECONDS > event.occurredAt) break;
        open.delete(session);
        yield JSON.stringify({ session, events: ended });
      }
      append(open, event);
    }
    for (const [session, { events: ended }] of open) yield JSON.stringify({ session, events: ended });
  },
};

function append(open: Map<number, OpenSession>, { session, item, occurredAt, event }: ShopEvent): void {
  const entry = open.get(session) ?? { events: [], lastAt: occurredAt };
  entry.events.push({ aid: Number(item.itemId), ts: occurredAt, type: TYPES[event] });
  entry.lastAt = occurredAt;
  open.delete(session);
  open.set(session, entry);
}
