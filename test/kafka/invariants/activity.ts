/**
 * What a shop sends in an invariant case, and what must be in the tables in the end, worked out here from the events
 * alone: nothing of the product takes part.
 */
import { type OutgoingRecord, RECORD_ID_HEADER } from "../../../services/activity-log/index.ts";
import { Random } from "../../../services/simulation/random.ts";

export interface Sent {
  /** In the order of sending: repeats, late ones and bad ones included. */
  readonly records: readonly OutgoingRecord[];
  /** Ids of the events that must be stored, each once. */
  readonly eventIds: ReadonlySet<string>;
  /** Keys of the records that must be dead letters, each once. */
  readonly badKeys: ReadonlySet<string>;
  /** By checkout: id of the touch that earned it, `""` for none. */
  readonly attribution: ReadonlyMap<string, string>;
  /** Of all purchases, in cents. */
  readonly revenue: number;
}

export const WINDOW_SECONDS = 3_600;

const START = Date.UTC(2026, 5, 1);
const USERS = 200;
const ITEMS = 25;
/** Events lie so far apart on average: a day and a half of activity for 20,000. */
const STEP_MILLISECONDS = 6_000;
const REPEATED = 0.05;
const LATE = 0.05;
const BAD = 0.01;
/** A repeat or a late record comes at most so many places later. */
const DISPLACEMENT = 800;

interface Event {
  readonly eventId: string;
  readonly event: "view" | "click" | "add_to_cart" | "purchase";
  readonly userId: string;
  readonly itemId: string;
  readonly price: number;
  readonly quantity: number;
  readonly occurredAt: number;
}

/** The same seed sends the same. */
export function activityOf(seed: number, count: number): Sent {
  const random = new Random(seed);
  const events = Array.from({ length: count }, (_, index) => eventAt(random, index));
  const placed: { readonly place: number; readonly record: OutgoingRecord }[] = [];
  const badKeys = new Set<string>();
  for (const [index, event] of events.entries()) {
    const later = () => index + 1 + random.uniform() * DISPLACEMENT;
    placed.push({ place: random.uniform() < LATE ? later() : index, record: recordOf(event) });
    if (random.uniform() < REPEATED) placed.push({ place: later(), record: recordOf(event) });
    if (random.uniform() < BAD) {
      const key = `bad-${index}`;
      badKeys.add(key);
      placed.push({
        place: index,
        record: { key, value: badValue(random, event), headers: { [RECORD_ID_HEADER]: key } },
      });
    }
  }
  return {
    records: placed.sort((a, b) => a.place - b.place).map(({ record }) => record),
    eventIds: new Set(events.map(({ eventId }) => eventId)),
    badKeys,
    attribution: attributionOf(events),
    revenue: purchases(events).reduce((sum, { price, quantity }) => sum + price * quantity, 0),
  };
}

function eventAt(random: Random, index: number): Event {
  const dice = random.uniform();
  return {
    eventId: `e-${index}`,
    event: dice < 0.6 ? "view" : dice < 0.75 ? "click" : dice < 0.85 ? "add_to_cart" : "purchase",
    userId: `user-${Math.floor(random.uniform() * USERS)}`,
    itemId: `item-${Math.floor(random.uniform() * ITEMS)}`,
    price: 100 + Math.floor(random.uniform() * 9_900),
    quantity: 1 + Math.floor(random.uniform() * 3),
    // Two events never share a moment, so that "the earliest" has one answer.
    occurredAt: START + index * STEP_MILLISECONDS + Math.floor(random.uniform() * STEP_MILLISECONDS),
  };
}

function recordOf({ price, ...event }: Event): OutgoingRecord {
  return { key: event.userId, value: Buffer.from(JSON.stringify({ ...event, price: price / 100, currency: "EUR" })) };
}

function badValue(random: Random, event: Event): Uint8Array {
  const kinds = [
    JSON.stringify(event).slice(0, 30),
    JSON.stringify({ ...event, itemId: undefined }),
    JSON.stringify({ ...event, occurredAt: "the other day" }),
    JSON.stringify({ ...event, price: "cheap" }),
  ];
  return Buffer.from(kinds[Math.floor(random.uniform() * kinds.length)] ?? "");
}

const purchases = (events: readonly Event[]) => events.filter(({ event }) => event === "purchase");

/** The first view or click of the same user and item in the window before a purchase, both ends included. */
function attributionOf(events: readonly Event[]): Map<string, string> {
  const touches = Map.groupBy(
    events.filter(({ event }) => event === "view" || event === "click"),
    ({ userId, itemId }) => `${userId}/${itemId}`,
  );
  return new Map(
    purchases(events).map(({ eventId, userId, itemId, occurredAt }) => {
      const earning = (touches.get(`${userId}/${itemId}`) ?? []).filter(
        (touch) => touch.occurredAt <= occurredAt && touch.occurredAt >= occurredAt - WINDOW_SECONDS * 1_000,
      );
      const first = earning.sort((a, b) => a.occurredAt - b.occurredAt)[0];
      return [eventId, first?.eventId ?? ""];
    }),
  );
}
