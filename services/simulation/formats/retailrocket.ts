import type { ShopEvent, ShopEventName } from "../events.ts";
import type { LineFormat } from "./format.ts";

const NAMES: Readonly<Partial<Record<ShopEventName, string>>> = {
  view: "view",
  add_to_cart: "addtocart",
  purchase: "transaction",
};

/** Visitors without a user get numbers from here on; the format has numbers alone. */
const FIRST_ANONYMOUS = 1_000_000_000;

/** CSV `timestamp_s,user,event,item` (RetailRocket): views, additions to the cart and transactions of every visitor. */
export const RETAILROCKET: LineFormat = {
  accepts: ({ event }) => NAMES[event] !== undefined,
  *lines(events) {
    yield "timestamp_s,user,event,item";
    for (const event of events) {
      yield `${Math.floor(event.occurredAt / 1000)},${visitorNumber(event)},${NAMES[event.event]},${event.item.itemId}`;
    }
  },
};

function visitorNumber({ userId, session }: ShopEvent): string {
  return userId === "" ? String(FIRST_ANONYMOUS + session) : userId;
}
