import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type HistoryEvent, interests, isRelevant, relevantEvents, visitInterests, withEvent } from "./history.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 1_700_000_000_000;
const WEIGHTS = new Map([
  ["view", 1],
  ["add_to_cart", 3],
  ["purchase", 8],
]);
const OPTIONS = { weights: WEIGHTS, halfLifeDays: 30 };

let ids = 0;
function event(name: string, item: number, age: number, quantity = 1): HistoryEvent {
  ids += 1;
  return { event: name, item, occurredAt: NOW - age, quantity, eventId: `e${ids}` };
}

function historyOf(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  return events.reduce<readonly HistoryEvent[]>((history, next) => withEvent(history, next), []);
}

function strengths(events: readonly HistoryEvent[]): Record<number, number> {
  return Object.fromEntries(interests(historyOf(events), OPTIONS).map(({ item, strength }) => [item, strength]));
}

const anyEvent = fc.record<HistoryEvent>({
  event: fc.constantFrom("view", "add_to_cart", "remove_from_cart", "purchase", "refund", "constructor"),
  item: fc.integer({ min: 0, max: 8 }),
  occurredAt: fc.integer({ min: NOW - 20, max: NOW }),
  quantity: fc.integer({ min: 1, max: 3 }),
  eventId: fc.string({ minLength: 1, maxLength: 1, unit: fc.constantFrom(..."abcdefghijklmnop") }),
});
const distinctEvents = fc.uniqueArray(anyEvent, { selector: ({ eventId }) => eventId, maxLength: 16 });

describe("withEvent", () => {
  test("the order of arrival and repeats make no difference", () => {
    fc.assert(
      fc.property(
        distinctEvents.chain((events) =>
          fc.tuple(fc.constant(events), fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 })),
        ),
        ([events, arrivals]) => {
          expect(historyOf(arrivals)).toEqual(historyOf(events));
          expect(interests(historyOf(arrivals), OPTIONS)).toEqual(interests(historyOf(events), OPTIONS));
        },
      ),
    );
  });

  test("is bounded in events and items, and drops the oldest", () => {
    const events = Array.from({ length: 200 }, (_, at) => event("view", at, at * HOUR));
    const history = historyOf(events);
    expect(history.map(({ item }) => item)).toEqual(Array.from({ length: 50 }, (_, at) => at));
    const oneItem = historyOf(Array.from({ length: 200 }, (_, at) => event("view", 7, at * HOUR)));
    expect(oneItem.length).toBe(100);
    expect(oneItem[0]?.occurredAt).toBe(NOW);
  });
});

describe("interests", () => {
  test("weigh events by kind, count each kind once an item, and halve with age", () => {
    expect(strengths([event("purchase", 1, 0), event("view", 1, 0), event("view", 1, 0)])).toEqual({ 1: 9 });
    const aged = strengths([event("view", 1, 0), event("view", 2, 30 * DAY)]);
    expect(aged[2]).toBeCloseTo(0.25, 6);
  });

  test("do not depend on when they are asked for, only on the events", () => {
    fc.assert(
      fc.property(distinctEvents, fc.integer({ min: 0, max: 1_000 * DAY }), (events, shift) => {
        const shifted = events.map((e) => ({ ...e, occurredAt: e.occurredAt + shift }));
        expect(interests(historyOf(shifted), OPTIONS)).toEqual(interests(historyOf(events), OPTIONS));
      }),
    );
  });

  test("a refund takes back the purchase before it, piece by piece, and no later one", () => {
    expect(strengths([event("purchase", 1, 2 * HOUR), event("refund", 1, HOUR)])).toEqual({});
    expect(strengths([event("purchase", 1, 2 * HOUR, 2), event("refund", 1, HOUR)])[1]).toBeGreaterThan(0);
    expect(strengths([event("refund", 1, 2 * HOUR), event("purchase", 1, 0)])).toEqual({ 1: 8 });
    const again = [event("refund", 1, 3 * HOUR), event("purchase", 1, 2 * HOUR), event("refund", 1, HOUR)];
    expect(strengths(again)).toEqual({});
    expect(strengths([event("view", 1, HOUR), event("purchase", 1, HOUR), event("refund", 1, 0)])[1]).toBeLessThan(1);
    expect(strengths([event("add_to_cart", 1, HOUR), event("remove_from_cart", 1, 0)])).toEqual({});
  });

  test("what was seen just now is not fresh, what was seen long ago nearly is", () => {
    const [now, before] = interests(historyOf([event("view", 1, 0), event("view", 2, 60 * DAY)]), OPTIONS);
    expect(now).toMatchObject({ item: 1, freshness: 0 });
    expect(before?.freshness).toBeGreaterThan(0.99);
  });
});

describe("which events count", () => {
  test("those with a weight, and those that take one back", () => {
    expect(relevantEvents(WEIGHTS)).toEqual(["add_to_cart", "purchase", "refund", "remove_from_cart", "view"]);
    expect(relevantEvents(new Map([["view", 0]]))).toEqual([]);
    expect(isRelevant("constructor", WEIGHTS)).toBe(false);
  });
});

describe("visitInterests", () => {
  test("the newest item counts most, each item once", () => {
    expect(visitInterests([3, 1, 3, 2])).toEqual([
      { item: 2, strength: 1, freshness: 0 },
      { item: 3, strength: 1 / 2, freshness: 0 },
      { item: 1, strength: 1 / 3, freshness: 0 },
    ]);
  });
});
