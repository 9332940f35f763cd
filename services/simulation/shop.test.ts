import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createShop, FORMATS, type ShopEvent } from "./index.ts";

const START = Date.UTC(2024, 0, 1);
const DAY = 86_400_000;
const HOUR = 3_600_000;

function take(count: number, seed = 1, start = START): ShopEvent[] {
  return [...createShop({ seed, start }).events({ count })];
}

describe("the simulated shop's events", () => {
  it("come in order of time, each with an id of its own", () => {
    const events = take(50_000);
    expect(events).toHaveLength(50_000);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(events.length);
    expect(events.every(({ occurredAt }, at) => occurredAt >= (events[at - 1]?.occurredAt ?? START))).toBe(true);
  });

  it("are the same for the same seed and others for another", () => {
    expect(take(2_000)).toEqual(take(2_000));
    expect(take(2_000, 2).map(({ item }) => item.name)).not.toEqual(take(2_000).map(({ item }) => item.name));
  });

  it("are the same on every machine and in every version: a recorded file can be made again", () => {
    const hash = createHash("sha256");
    for (const line of FORMATS.segment.lines(take(5_000))) hash.update(line);
    expect(hash.digest("hex")).toBe("aec4c3931d612139de073c534d3ef83b7740eb10aec934034ba0f32026d4da3e");
  });

  it("of any range are that range of the whole stream", () => {
    const shop = createShop({ seed: 3, start: START, shoppers: 200 });
    const whole = [...shop.events({ to: START + 30 * DAY })];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 * DAY }), fc.integer({ min: 0, max: 3 * DAY }), (offset, length) => {
        const from = START + offset;
        const to = Math.min(from + length, START + 30 * DAY);
        const expected = whole.filter(({ occurredAt }) => occurredAt >= from && occurredAt < to);
        // A shop of its own: nothing may depend on what was generated before.
        const other = createShop({ seed: 3, start: START, shoppers: 200 });
        expect([...other.events({ from, to })]).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it("of one order follow one another, however many happen in the same millisecond", () => {
    const shop = createShop({ seed: 1, start: START, visitsPerDay: 3_000_000 });
    const events = [...shop.events({ count: 150_000 })].filter(({ event }) => event !== "refund");
    const ended = new Set<string>();
    for (const [at, { orderId }] of events.entries()) {
      if (orderId === "") continue;
      expect(ended.has(orderId)).toBe(false);
      if (events[at + 1]?.orderId !== orderId) ended.add(orderId);
    }
    expect(ended.size).toBeLessThan(events.filter(({ orderId }) => orderId !== "").length);
  });

  it("have the rates of a shop: many views, some carts, fewer orders, a few refunds", () => {
    const counts: Record<string, number> = {};
    for (const { event } of take(100_000)) counts[event] = (counts[event] ?? 0) + 1;
    const { view = 0, add_to_cart = 0, remove_from_cart = 0, purchase = 0, refund = 0 } = counts;
    expect(view / 100_000).toBeGreaterThan(0.85);
    expect(add_to_cart / view).toBeGreaterThan(0.02);
    expect(add_to_cart / view).toBeLessThan(0.1);
    expect(purchase / add_to_cart).toBeGreaterThan(0.3);
    expect(purchase / add_to_cart).toBeLessThan(0.6);
    expect(refund / purchase).toBeGreaterThan(0.01);
    expect(refund / purchase).toBeLessThan(0.08);
    expect(remove_from_cart).toBeGreaterThan(0);
  });

  it("follow the hours: evenings are busier than nights", () => {
    const byHour = new Array<number>(24).fill(0);
    for (const { occurredAt } of take(60_000)) byHour[new Date(occurredAt).getUTCHours()]! += 1;
    expect(byHour[20]).toBeGreaterThan(4 * byHour[3]!);
  });

  it("lead to purchases mostly within the hour after the product was looked at, sometimes later, never unseen", () => {
    const firstView = new Map<string, number>();
    const lastView = new Map<string, number>();
    let within = 0;
    let later = 0;
    for (const { event, anonymousId, item, occurredAt } of take(150_000)) {
      const pair = `${anonymousId} ${item.itemId}`;
      if (event === "view") {
        lastView.set(pair, occurredAt);
        if (!firstView.has(pair)) firstView.set(pair, occurredAt);
      }
      if (event !== "purchase") continue;
      expect(firstView.has(pair)).toBe(true);
      if (occurredAt - lastView.get(pair)! <= HOUR) within += 1;
      else later += 1;
    }
    expect(within).toBeGreaterThan(3 * later);
    expect(later).toBeGreaterThan(20);
  });

  it("concern items that have arrived, are in the catalogue of that moment and, in the cart, in stock", () => {
    const shop = createShop({ seed: 5, start: START, shoppers: 100 });
    let arrivals = 0;
    for (const event of shop.events({ count: 40_000 })) {
      expect(event.item.createdAt).toBeLessThanOrEqual(event.occurredAt);
      if (event.item.createdAt > START) arrivals += 1;
    }
    expect(arrivals).toBeGreaterThan(100);
    const [cart] = [...shop.events({ from: START + DAY, count: 5_000 })].filter(({ event }) => event === "add_to_cart");
    const stocked = shop.catalogue(cart!.occurredAt).find(({ itemId }) => itemId === cart!.item.itemId);
    expect(stocked?.stock).toBeGreaterThan(0);
  });

  it("name registered shoppers, visitors who never sign in, and visits that begin signed out", () => {
    const shop = createShop({ seed: 1, start: START });
    const users = new Set(shop.users().map(({ userId }) => userId));
    const anonymous = new Set<string>();
    const signedIn = new Set<string>();
    for (const { userId, anonymousId } of shop.events({ count: 50_000 })) {
      if (userId === "") anonymous.add(anonymousId);
      else {
        expect(users.has(userId)).toBe(true);
        signedIn.add(anonymousId);
      }
    }
    const both = [...anonymous].filter((id) => signedIn.has(id));
    expect(both.length).toBeGreaterThan(100);
    expect(anonymous.size - both.length).toBeGreaterThan(500);
  });

  it("in live mode begin at the given time, keep the given pace and repeat no id of another run", () => {
    const shop = createShop({ seed: 1, start: START });
    const now = START + 40 * DAY + 12_345;
    const live = [...firstOf(shop.live({ now, eventsPerSecond: 5 }), 1_000)];
    expect(live[0]?.occurredAt).toBe(now);
    expect(live.at(-1)?.occurredAt).toBe(now + 199_800);
    const ids = new Set(
      [...live, ...firstOf(shop.live({ now: now + 1, eventsPerSecond: 5 }), 1_000)].map((e) => e.eventId),
    );
    expect(ids.size).toBe(2_000);
  });
});

describe("the catalogue", () => {
  const shop = createShop({ seed: 9, start: START });

  it("has unique ids, two-level categories, prices in cents and some items sold out", () => {
    const items = shop.catalogue(START);
    expect(items).toHaveLength(600);
    expect(new Set(items.map(({ itemId }) => itemId)).size).toBe(600);
    expect(new Set(items.map(({ categories }) => categories[0])).size).toBe(12);
    expect(items.every(({ price }) => price > 0 && Math.round(price * 100) / 100 === price)).toBe(true);
    const soldOut = items.filter(({ stock }) => stock === 0).length;
    expect(soldOut).toBeGreaterThan(5);
    expect(soldOut).toBeLessThan(90);
  });

  it("grows, and never changes what an item is", () => {
    const then = shop.catalogue(START + 365 * DAY);
    const facts = ({ itemId, name, price, createdAt }: (typeof then)[number]) => ({ itemId, name, price, createdAt });
    expect(then.length).toBeGreaterThan(850);
    expect(then.slice(0, 600).map(facts)).toEqual(createShop({ seed: 9, start: START }).catalogue(START).map(facts));
    expect(then.every(({ createdAt }) => createdAt <= START + 365 * DAY)).toBe(true);
  });
});

it("says which option is out of range", () => {
  expect(() => createShop({ seed: 1, start: START, shoppers: 0 })).toThrow("shoppers must be at least 1; got 0");
  expect(() => createShop({ seed: 1, start: 0 })).toThrow("from 2000-01-01 on");
});

function* firstOf<T>(source: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const entry of source) {
    yield entry;
    left -= 1;
    if (left === 0) return;
  }
}
