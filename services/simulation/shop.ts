import TinyQueue from "tinyqueue";
import { Catalogue, type StockedItem } from "./catalogue.ts";
import type { ShopEvent } from "./events.ts";
import { Random, STREAM } from "./random.ts";
import { Shoppers, type ShopUser } from "./shoppers.ts";
import { LONGEST_VISIT, VISITS_PER_SLOT, visitEvents } from "./visit.ts";

const HOUR = 3_600_000;
const VISITS_PER_SHOPPER_AND_DAY = 1.2;

/** Visits by hour of the day (UTC) and by day of the week (from Thursday, as 1970 began), each with mean 1. */
const HOURLY = normalised([3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 13, 12, 11, 11, 12, 14, 17, 19, 20, 17, 11, 6]);
const DAILY = normalised([9, 9, 12, 13, 10, 9, 9]);

export interface ShopOptions {
  /** Any integer: the same seed gives the same shop. */
  readonly seed: number;
  /** Items on the first day; about one in a hundred more comes every week. Default 600. */
  readonly items?: number;
  /** Registered shoppers. Default 2,000. */
  readonly shoppers?: number;
  /** The opening: no event is earlier. Milliseconds since 1970, UTC. */
  readonly start: number;
  /** Mean over a week; a visit has about six events. Default 1.2 for each shopper. */
  readonly visitsPerDay?: number;
}

export interface EventRange {
  /** Milliseconds since 1970, UTC; the opening when absent. */
  readonly from?: number;
  /** The first time that is too late; never when absent. */
  readonly to?: number;
  /** At most so many events. */
  readonly count?: number;
}

export interface LiveOptions {
  /** The time of the first event, milliseconds since 1970, UTC. */
  readonly now: number;
  readonly eventsPerSecond: number;
}

/** A shop in which everything follows from its options: no clock, no other randomness, no state that matters. */
export interface SimulatedShop {
  /** The items that have arrived by `at`, with the stock of that moment. */
  catalogue(at: number): StockedItem[];
  users(): readonly ShopUser[];
  /**
   * Events in order of time, made as they are read, in memory that does not grow. A range gives exactly the events of
   * that range in the whole stream, wherever it begins.
   */
  events(range?: EventRange): Generator<ShopEvent, void, undefined>;
  /**
   * Endless events in the order of the shop from `now` on, re-dated to an even pace (the rhythm of day and week is left
   * out); the caller waits until each `occurredAt`. Their ids belong to `now`: another call repeats none of them.
   */
  live(options: LiveOptions): Generator<ShopEvent, void, undefined>;
}

/** @throws RangeError on a count below 1, or a start that is not a whole number of milliseconds from 2000 on */
export function createShop(options: ShopOptions): SimulatedShop {
  const { seed, start } = options;
  const items = atLeastOne("items", options.items ?? 600);
  const shopperCount = atLeastOne("shoppers", options.shoppers ?? 2_000);
  const visitsPerDay = atLeastOne("visitsPerDay", options.visitsPerDay ?? shopperCount * VISITS_PER_SHOPPER_AND_DAY);
  if (!Number.isSafeInteger(start) || start < Date.UTC(2000)) {
    throw new RangeError(`start must be milliseconds since 1970, from 2000-01-01 on; got ${start}`);
  }
  const catalogue = new Catalogue(seed, items, start);
  const shoppers = new Shoppers(seed, shopperCount, catalogue);
  const shop = { seed, catalogue, shoppers };

  /** The visits that begin in hour `slot` after the opening. */
  function visits(slot: number): Visit[] {
    const random = new Random(seed, STREAM.slot, slot);
    const slotStart = start + slot * HOUR;
    const count = Math.min(random.poisson((visitsPerDay / 24) * rhythm(slotStart)), VISITS_PER_SLOT / 2);
    return Array.from({ length: count }, (_, number) => {
      const session = slot * VISITS_PER_SLOT + number;
      return { session, events: visitEvents(shop, session, slotStart + random.integer(HOUR)), next: 0 };
    });
  }

  function* events({ from = start, to = Infinity, count = Infinity }: EventRange = {}): Generator<ShopEvent, void> {
    const open = new TinyQueue<Visit>([], earlierVisit);
    let left = count;
    for (let slot = Math.max(0, Math.floor((from - LONGEST_VISIT - start) / HOUR)); left > 0; slot += 1) {
      for (const visit of visits(slot)) if (visit.events.length > 0) open.push(visit);
      const slotEnd = start + (slot + 1) * HOUR;
      for (let visit = open.peek(); visit !== undefined && timeOf(visit) < slotEnd; visit = open.peek()) {
        open.pop();
        const event = visit.events[visit.next] as ShopEvent;
        visit.next += 1;
        if (visit.next < visit.events.length) open.push(visit);
        if (event.occurredAt >= to) return;
        if (event.occurredAt < from) continue;
        yield event;
        left -= 1;
        if (left === 0) return;
      }
      if (slotEnd >= to) return;
    }
  }

  function* live({ now, eventsPerSecond }: LiveOptions): Generator<ShopEvent, void> {
    const run = now.toString(36);
    let number = 0;
    for (const event of events({ from: now })) {
      yield {
        ...event,
        eventId: `${run}-${event.eventId}`,
        orderId: event.orderId === "" ? "" : `${run}-${event.orderId}`,
        occurredAt: now + Math.floor((number * 1000) / eventsPerSecond),
      };
      number += 1;
    }
  }

  return { catalogue: (at) => catalogue.at(at), users: () => shoppers.all.map(publicUser), events, live };
}

interface Visit {
  readonly session: number;
  readonly events: readonly ShopEvent[];
  /** Of the event that is to come next. */
  next: number;
}

function timeOf(visit: Visit): number {
  return (visit.events[visit.next] as ShopEvent).occurredAt;
}

/** At the same millisecond one visit after the other, so that the lines of an order stay together. */
function earlierVisit(one: Visit, other: Visit): number {
  return timeOf(one) - timeOf(other) || one.session - other.session;
}

function rhythm(at: number): number {
  const hours = Math.floor(at / HOUR);
  return (HOURLY[hours % 24] as number) * (DAILY[Math.floor(hours / 24) % 7] as number);
}

function normalised(weights: readonly number[]): readonly number[] {
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return weights.map((weight) => weight / mean);
}

function atLeastOne(name: string, value: number): number {
  if (!(value >= 1 && Number.isFinite(value))) throw new RangeError(`${name} must be at least 1; got ${value}`);
  return value;
}

function publicUser({ userId, username, name, country }: ShopUser): ShopUser {
  return { userId, username, name, country };
}
