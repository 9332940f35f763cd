/**
 * What a shop's pages send, in ProductMatcher's own JSON, about 300 bytes an event: visitors look at things, some go into
 * the cart, and of what was looked at some is bought, so that there is something to attribute. The same seed gives the
 * same events.
 */
import type { OutgoingRecord } from "../../../services/activity-log/index.ts";
import { hash, Random } from "../../../services/simulation/random.ts";

const START = Date.UTC(2026, 5, 1);
const USERS = 20_000;
const ITEMS = 5_000;
/** Between two events of the shop; a visitor's views and purchases lie minutes apart. */
const STEP_MILLISECONDS = 10;
const PURCHASES = 0.04;
const CARTS = 0.08;
const CLICKS = 0.15;
const SOURCES = ["home", "search", "category", "newsletter", "similar-items"];

export interface ShopEvent {
  readonly eventId: string;
  readonly event: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly itemId: string;
  readonly occurredAt: string;
  readonly price: number;
  readonly quantity: number;
  readonly currency: string;
  readonly url: string;
  readonly ipAddress: string;
  readonly properties: Readonly<Record<string, string | number>>;
}

/** Without end. An event's id tells its number: see `idOf`. */
export function* shopActivity(seed: number): Generator<ShopEvent> {
  const random = new Random(seed);
  const lastSeen = new Map<number, number>();
  for (let number = 0; ; number += 1) {
    const user = random.integer(USERS);
    const seen = lastSeen.get(user);
    const dice = random.uniform();
    const buys = seen !== undefined && dice < PURCHASES;
    const item = buys ? seen : random.integer(ITEMS);
    lastSeen.set(user, item);
    const event = buys ? "purchase" : dice < CARTS ? "add_to_cart" : dice < CARTS + CLICKS ? "click" : "view";
    yield {
      eventId: idOf(number),
      event,
      userId: `user-${user}`,
      sessionId: `s-${user}-${number >> 16}`,
      itemId: `sku-${100_000 + item}`,
      occurredAt: new Date(START + number * STEP_MILLISECONDS).toISOString(),
      price: ((item * 37) % 20_000) / 100 + 1,
      quantity: buys ? 1 + random.integer(3) : 1,
      currency: "EUR",
      url: `https://shop.example/products/${100_000 + item}`,
      ipAddress: `203.0.113.${user % 256}`,
      properties: { source: random.pick(SOURCES), position: random.integer(40) },
    };
  }
}

/** In the form of a UUID, as a sender would make one: 20 digits that look random, then the number. */
export function idOf(number: number): string {
  const mixed = hex(hash(number, 0), 8) + hex(hash(number, 1), 8) + hex(hash(number, 2), 8);
  return `${mixed.slice(0, 8)}-${mixed.slice(8, 12)}-4${mixed.slice(12, 15)}-8${mixed.slice(15, 18)}-${hex(number, 12)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

export function recordOf(event: ShopEvent): OutgoingRecord {
  return { key: event.userId, value: Buffer.from(JSON.stringify(event)) };
}

/** The next so many of a stream. */
export function take<Value>(stream: Iterator<Value>, count: number): Value[] {
  return Array.from({ length: count }, () => {
    const { done, value } = stream.next();
    if (done) throw new RangeError("the stream has ended");
    return value;
  });
}
