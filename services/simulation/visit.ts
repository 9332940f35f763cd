import { type Catalogue, SHELVES, type SimulatedItem, type Wish } from "./catalogue.ts";
import type { ShopEvent, ShopEventName } from "./events.ts";
import { Random, STREAM } from "./random.ts";
import {
  drawInterest,
  drawShelf,
  type Interest,
  type Shopper,
  type Shoppers,
  type Taste,
  taste,
  visitor,
} from "./shoppers.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How a visit goes: shares and means. */
const HABITS = {
  /** Visits by people who never sign in. */
  anonymous: 0.2,
  /** Visits of registered shoppers that begin signed out; most sign in at the cart. */
  signedOutAtFirst: 0.25,
  /** Visits after what the shopper is currently after; the rest follow the general taste. */
  currentInterest: 0.6,
  meanFurtherViews: 4.5,
  maxViews: 25,
  addToCart: 0.045,
  removeFromCart: 0.08,
  /** Carts that end in an order; the others are abandoned. */
  order: 0.48,
  /** Orders placed in the visit, minutes after the last look; the others are placed a day or so later. */
  orderAtOnce: 0.85,
  refund: 0.04,
} as const;

/** Interests change about every two weeks. */
const INTEREST_PERIOD = 14 * DAY;
const MAX_PAUSE = 8 * MINUTE;
const LATER_ORDER: readonly [number, number] = [2 * HOUR, 40 * HOUR];
const REFUND_AFTER: readonly [number, number] = [1 * DAY, 10 * DAY];

/** A visit has at most this many numbers; a later order of the same cart is a visit of its own, half a span on. */
export const VISITS_PER_SLOT = 2 ** 20;
const LATER_VISIT = VISITS_PER_SLOT / 2;

/** No event lies further than this behind the start of its visit. */
export const LONGEST_VISIT = HABITS.maxViews * (MAX_PAUSE + 2 * MINUTE) + HOUR + LATER_ORDER[1] + REFUND_AFTER[1];

export interface Shop {
  readonly seed: number;
  readonly catalogue: Catalogue;
  readonly shoppers: Shoppers;
}

type Place = Omit<Wish, "priceLevel">;

interface CartLine {
  readonly item: SimulatedItem;
  readonly quantity: number;
}

/** The events of visit `session` that begins at `startedAt`, in order of time; they follow from the seed alone. */
export function visitEvents(shop: Shop, session: number, startedAt: number): ShopEvent[] {
  return new Visit(shop, session, startedAt).events();
}

class Visit {
  readonly #shop: Shop;
  readonly #session: number;
  readonly #random: Random;
  readonly #shopper: Shopper | null;
  readonly #events: ShopEvent[] = [];
  readonly #template: Pick<ShopEvent, "anonymousId" | "visitor">;
  readonly #taste: Taste;
  /** Items that have arrived when the visit begins. */
  readonly #itemCount: number;
  #signedIn: boolean;
  #at: number;
  #cart: CartLine[] = [];

  constructor(shop: Shop, session: number, startedAt: number) {
    const random = new Random(shop.seed, STREAM.session, session);
    const shopper = random.chance(HABITS.anonymous) ? null : shop.shoppers.draw(random);
    this.#shop = shop;
    this.#session = session;
    this.#random = random;
    this.#shopper = shopper;
    this.#signedIn = shopper !== null && !random.chance(HABITS.signedOutAtFirst);
    this.#template = {
      anonymousId: shopper === null ? `v${session}` : `b${shopper.userId}`,
      visitor: shopper ?? visitor(random),
    };
    this.#taste = shopper?.taste ?? taste(random, shop.catalogue);
    this.#itemCount = shop.catalogue.countAt(startedAt);
    this.#at = startedAt;
  }

  events(): ShopEvent[] {
    this.#browse(this.#interest());
    this.#settleCart();
    return this.#events.sort((one, other) => one.occurredAt - other.occurredAt);
  }

  #interest(): Interest {
    const random = this.#random;
    if (this.#shopper === null || !random.chance(HABITS.currentInterest)) return drawInterest(random, this.#taste);
    const period = Math.floor(this.#at / INTEREST_PERIOD);
    return drawInterest(new Random(this.#shop.seed, STREAM.interest, this.#shopper.index, period), this.#taste);
  }

  #browse(interest: Interest): void {
    const random = this.#random;
    const views = Math.min(HABITS.maxViews, 1 + Math.floor(random.exponential(HABITS.meanFurtherViews)));
    let item = this.#look(interest);
    for (let view = 1; ; view += 1) {
      this.#record("view", item, 1);
      const added = random.chance(HABITS.addToCart) && this.#add(item);
      if (view === views) return;
      this.#at += Math.min(MAX_PAUSE, 2_000 + random.exponential(45_000));
      item = this.#next(item, added);
    }
  }

  #next(item: SimulatedItem, added: boolean): SimulatedItem {
    const next = this.#look(this.#nextPlace(item, added));
    return next === item ? this.#look({ shelf: item.shelf, series: null }) : next;
  }

  /** Mostly the same series on the same shelf, often a complement of it (more so once it lies in the cart). */
  #nextPlace({ shelf, series }: SimulatedItem, added: boolean): Place {
    const random = this.#random;
    const complements = SHELVES[shelf]?.complements ?? [];
    if (complements.length > 0 && random.chance(added ? 0.6 : 0.22)) {
      return { shelf: random.pick(complements), series };
    }
    const draw = random.uniform();
    if (draw < 0.62) return { shelf, series };
    if (draw < 0.84) return { shelf, series: null };
    if (draw < 0.95) return drawInterest(random, this.#taste);
    return { shelf: drawShelf(random), series: null };
  }

  #look(place: Place): SimulatedItem {
    const wish = { ...place, priceLevel: this.#taste.priceLevel };
    return this.#shop.catalogue.draw(this.#random, wish, this.#itemCount);
  }

  #add(item: SimulatedItem): boolean {
    const random = this.#random;
    if (this.#shop.catalogue.stockOf(item.index, this.#at) === 0) return false;
    if (this.#cart.some((line) => line.item === item)) return false;
    if (this.#shopper !== null && random.chance(0.8)) this.#signedIn = true;
    this.#at += 3_000 + random.exponential(20_000);
    const quantity = random.chance(0.88) ? 1 : 2 + random.integer(3);
    this.#record("add_to_cart", item, quantity);
    this.#cart.push({ item, quantity });
    return true;
  }

  #settleCart(): void {
    const random = this.#random;
    this.#cart = this.#cart.filter(({ item, quantity }) => {
      if (!random.chance(HABITS.removeFromCart)) return true;
      this.#at += 5_000 + random.exponential(30_000);
      this.#record("remove_from_cart", item, quantity);
      return false;
    });
    if (this.#cart.length === 0 || !random.chance(HABITS.order)) return;
    this.#signedIn = this.#shopper !== null;
    const atOnce = random.chance(HABITS.orderAtOnce);
    this.#at += atOnce ? Math.min(HOUR, MINUTE + random.exponential(8 * MINUTE)) : between(random, LATER_ORDER);
    const session = atOnce ? this.#session : this.#session + LATER_VISIT;
    const orderedAt = this.#at;
    for (const { item, quantity } of this.#cart) this.#record("purchase", item, quantity, session);
    for (const { item, quantity } of this.#cart) {
      if (!random.chance(HABITS.refund)) continue;
      this.#at = orderedAt + between(random, REFUND_AFTER);
      this.#record("refund", item, quantity, session);
    }
  }

  #record(event: ShopEventName, item: SimulatedItem, quantity: number, session = this.#session): void {
    this.#events.push({
      eventId: `${this.#session}-${this.#events.length + 1}`,
      event,
      userId: this.#signedIn ? (this.#shopper?.userId ?? "") : "",
      anonymousId: this.#template.anonymousId,
      session,
      orderId: event === "purchase" || event === "refund" ? `${this.#session}` : "",
      item,
      quantity,
      occurredAt: Math.floor(this.#at),
      visitor: this.#template.visitor,
    });
  }
}

function between(random: Random, [least, most]: readonly [number, number]): number {
  return least + random.uniform() * (most - least);
}
