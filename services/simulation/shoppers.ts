import { CITIES, COUNTRIES, FIRST_NAMES, LAST_NAMES, PAYMENT_METHODS, STREETS, USER_AGENTS } from "./assortment.ts";
import { type Catalogue, SHELVES } from "./catalogue.ts";
import { Random, STREAM } from "./random.ts";

const FAVOURITE_SHELVES = 4;
/** Sigma of the log-normal activity: the busiest tenth makes about two fifths of the visits. */
const ACTIVITY_SIGMA = 1;

/** A registered customer, as the shop's users table has it. */
export interface ShopUser {
  /** Decimal digits. */
  readonly userId: string;
  readonly username: string;
  readonly name: string;
  readonly country: string;
}

/** Whoever is on the pages: what requests and orders carry of them. */
export interface Visitor {
  readonly userAgent: string;
  /** From the ranges kept for documentation (RFC 5737). */
  readonly ipAddress: string;
  readonly country: string;
  readonly address: string;
  readonly paymentMethod: string;
}

/** What one is after: a shelf and a series on it. */
export interface Interest {
  readonly shelf: number;
  readonly series: number;
}

/** What somebody likes, as cumulative shares, and how dear it may be. */
export interface Taste {
  /** In standard deviations of a shelf's logarithmic prices. */
  readonly priceLevel: number;
  readonly interests: readonly Interest[];
  readonly cumulative: readonly number[];
}

export interface Shopper extends ShopUser, Visitor {
  readonly index: number;
  readonly taste: Taste;
}

/** The registered shoppers of a seed, and how often each of them comes. */
export class Shoppers {
  readonly all: readonly Shopper[];
  readonly #cumulativeActivity: Float64Array;

  constructor(seed: number, count: number, catalogue: Catalogue) {
    const activity = new Float64Array(count);
    let total = 0;
    this.all = Array.from({ length: count }, (_, index) => {
      const random = new Random(seed, STREAM.shopper, index);
      total += random.logNormal(1, ACTIVITY_SIGMA);
      activity[index] = total;
      return shopper(index, random, catalogue);
    });
    this.#cumulativeActivity = activity;
  }

  /** A shopper in proportion to activity. */
  draw(random: Random): Shopper {
    const sums = this.#cumulativeActivity;
    const target = random.uniform() * (sums[sums.length - 1] ?? 0);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) > target) high = middle;
      else low = middle + 1;
    }
    return this.all[low] as Shopper;
  }
}

export function visitor(random: Random): Visitor {
  const net = random.pick(["192.0.2", "198.51.100", "203.0.113"]);
  return {
    userAgent: random.pick(USER_AGENTS),
    ipAddress: `${net}.${1 + random.integer(254)}`,
    country: random.pick(COUNTRIES),
    address: `${1 + random.integer(180)} ${random.pick(STREETS)}, ${random.pick(CITIES)}`,
    paymentMethod: random.pick(PAYMENT_METHODS),
  };
}

/** A few favourite interests; shares from a Dirichlet-like draw (normalised powers of exponentials), so some dominate. */
export function taste(random: Random, catalogue: Catalogue): Taste {
  const interests: Interest[] = [];
  const cumulative: number[] = [];
  let total = 0;
  for (let favourite = 0; favourite < FAVOURITE_SHELVES; favourite += 1) {
    interests.push({ shelf: drawShelf(random), series: random.integer(catalogue.seriesCount) });
    total += random.exponential(1) ** 2;
    cumulative.push(total);
  }
  return { priceLevel: random.normal(), interests, cumulative: cumulative.map((sum) => sum / total) };
}

/** Some departments are asked for more than others. */
export function drawShelf(random: Random): number {
  return Math.floor(SHELVES.length * random.uniform() ** 1.5);
}

export function drawInterest(random: Random, { interests, cumulative }: Taste): Interest {
  const target = random.uniform();
  const position = cumulative.findIndex((sum) => target < sum);
  return interests[position < 0 ? interests.length - 1 : position] as Interest;
}

function shopper(index: number, random: Random, catalogue: Catalogue): Shopper {
  const first = random.pick(FIRST_NAMES);
  const last = random.pick(LAST_NAMES);
  return {
    index,
    userId: String(1 + index),
    username: `${first}.${last}.${1 + index}`,
    name: `${capitalised(first)} ${capitalised(last)}`,
    ...visitor(random),
    taste: taste(random, catalogue),
  };
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
