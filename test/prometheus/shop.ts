/** What goes on in a shop while a test looks: visitors of two rooms who view, click, buy and ask for recommendations. */
import { setTimeout as sleep } from "node:timers/promises";

export interface ShopAddresses {
  readonly collector: string;
  readonly recommender: string;
}

export interface Shop {
  /** Events and requests that did not get an answer of 2xx. */
  readonly failed: () => number;
  close(): Promise<void>;
}

const ROOMS = 5;
const ITEMS_OF_ROOM = 40;
const VISITORS = 240;
const EVENTS = ["view", "view", "click", "add_to_cart", "purchase"] as const;
const ASKED = ["users/visitor-1", "items/room-0-1/similar", "popular", "trending", "users/nobody"] as const;
const TURN_MILLISECONDS = 100;

/** An event of a visitor in a room of the shop, the same for the same number: what one visits says what comes next. */
export function eventOf(number: number, occurredAt = Date.now()) {
  const visitor = Math.floor(number / EVENTS.length) % VISITORS;
  return activityOf(number, occurredAt, `room-${visitor % ROOMS}-${scattered(number) % ITEMS_OF_ROOM}`);
}

/** The same of a visitor who wanders about: nothing says what comes next. */
export function aimlessEventOf(number: number, occurredAt: number) {
  const item = scattered(number) % (ROOMS * ITEMS_OF_ROOM);
  return activityOf(number, occurredAt, `room-${item % ROOMS}-${Math.floor(item / ROOMS)}`);
}

function activityOf(number: number, occurredAt: number, itemId: string) {
  const event = EVENTS[number % EVENTS.length] ?? "view";
  const userId = `visitor-${Math.floor(number / EVENTS.length) % VISITORS}`;
  const price = event === "purchase" ? { price: 10 + (number % 7), currency: "EUR" } : {};
  return { eventId: `e-${number}`, event, userId, itemId, occurredAt: new Date(occurredAt).toISOString(), ...price };
}

/** Without a pattern, the same for the same number: the last steps of MurmurHash3. */
function scattered(number: number): number {
  const first = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return (second ^ (second >>> 16)) >>> 0;
}

/** Until it is closed: a turn each tenth of a second with two events and three questions. */
export function openShop({ collector, recommender }: ShopAddresses): Shop {
  let open = true;
  let failed = 0;
  let number = 1_000_000;
  const count = (answered: Promise<Response>) =>
    answered.then(
      async (response) => {
        await response.arrayBuffer();
        if (!response.ok) failed += 1;
      },
      () => {
        failed += 1;
      },
    );
  const under = new Set<Promise<void>>();
  const begin = (answered: Promise<Response>) => {
    const counted = count(answered).finally(() => under.delete(counted));
    under.add(counted);
  };
  const run = async () => {
    while (open) {
      for (let event = 0; event < 2; event += 1) begin(track(collector, eventOf(number++)));
      for (let question = 0; question < 3; question += 1) {
        const path = ASKED[(number + question) % ASKED.length];
        begin(fetch(`${recommender}/v1/recommendations/${path}`));
      }
      await sleep(TURN_MILLISECONDS);
    }
  };
  const running = run();
  return {
    failed: () => failed,
    async close() {
      open = false;
      await running;
      await Promise.all(under);
    },
  };
}

export function track(collector: string, body: object): Promise<Response> {
  return fetch(`${collector}/v1/track`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
