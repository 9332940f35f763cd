import { BRANDS, DEPARTMENTS, SERIES, TAGS } from "./assortment.ts";
import { hash, Random, STREAM } from "./random.ts";

const DAY_MILLISECONDS = 86_400_000;
const WEEK_MILLISECONDS = 7 * DAY_MILLISECONDS;
/** New items a week, as a share of the first day's assortment. */
const WEEKLY_ARRIVALS = 0.01;
/** Of the logarithm of a shelf's prices. */
const PRICE_SIGMA = 0.4;
const OUT_OF_STOCK_SHARE = 0.05;

export interface CatalogueItem {
  /** Decimal digits. */
  readonly itemId: string;
  readonly name: string;
  readonly description: string;
  /** Department, then shelf. */
  readonly categories: readonly [string, string];
  readonly brand: string;
  readonly tags: readonly string[];
  /** Of one piece, with two decimals. */
  readonly price: number;
  /** ISO 4217. */
  readonly currency: string;
  /** Milliseconds since 1970, UTC. */
  readonly createdAt: number;
}

/** An item at a moment. */
export interface StockedItem extends CatalogueItem {
  /** Pieces; 0 is sold out. */
  readonly stock: number;
}

/** An item with what drives shoppers and is not shown to them. */
export interface SimulatedItem extends CatalogueItem {
  readonly index: number;
  readonly shelf: number;
  /** Series within the department: items of one series are looked at together, across its shelves. */
  readonly series: number;
  /** In (0, 1]: how often a look at its shelf falls on it. */
  readonly popularity: number;
  /** Where the price stands among the shelf's, in standard deviations of its logarithm. */
  readonly priceLevel: number;
}

/** What somebody looks for. */
export interface Wish {
  readonly shelf: number;
  /** `null`: any. */
  readonly series: number | null;
  /** As SimulatedItem.priceLevel. */
  readonly priceLevel: number;
}

interface ShelfPlace {
  readonly department: number;
  readonly name: string;
  readonly medianPrice: number;
  readonly nouns: readonly string[];
  readonly complements: readonly number[];
}

/** Every shelf of every department, in order; the position is the shelf's number. */
export const SHELVES: readonly ShelfPlace[] = numberedShelves();

function numberedShelves(): readonly ShelfPlace[] {
  const names = DEPARTMENTS.flatMap((department) => department.shelves.map(({ name }) => name));
  return DEPARTMENTS.flatMap((department, number) =>
    department.shelves.map(({ name, medianPrice, nouns, complements }) => ({
      department: number,
      name,
      medianPrice,
      nouns,
      complements: complements.map((complement) => names.indexOf(complement)),
    })),
  );
}

/** The items of a shop, made when first asked for; each follows from the seed and its number alone. */
export class Catalogue {
  readonly #seed: number;
  readonly #initial: number;
  readonly #start: number;
  readonly #items: SimulatedItem[] = [];
  /** Items of a shelf, and of a shelf's series, in order of arrival. */
  readonly #byShelf: SimulatedItem[][] = SHELVES.map(() => []);
  readonly #bySeries: SimulatedItem[][][];
  /** Series in a department. */
  readonly seriesCount: number;

  constructor(seed: number, items: number, start: number) {
    this.#seed = seed;
    this.#initial = items;
    this.#start = start;
    // Three to six items to look through in a shelf's series.
    this.seriesCount = Math.min(SERIES.length, Math.max(2, Math.round(items / SHELVES.length / 4)));
    this.#bySeries = SHELVES.map(() => Array.from({ length: this.seriesCount }, () => []));
  }

  /** How many items have arrived by `at` (milliseconds since 1970); they are the numbers below it. */
  countAt(at: number): number {
    const weeks = Math.max(0, at - this.#start) / WEEK_MILLISECONDS;
    return this.#initial + Math.floor(weeks * WEEKLY_ARRIVALS * this.#initial);
  }

  /** What the shop shows at `at`, in order of arrival. */
  at(at: number): StockedItem[] {
    const count = this.countAt(at);
    this.#grow(count);
    return this.#items.slice(0, count).map(({ index, shelf, series, popularity, priceLevel, ...item }) => ({
      ...item,
      stock: this.stockOf(index, at),
    }));
  }

  /** Pieces of item `index` in the week of `at`. */
  stockOf(index: number, at: number): number {
    const draw = hash(this.#seed, STREAM.stock, index, Math.floor(at / WEEK_MILLISECONDS)) * 2 ** -32;
    return draw < OUT_OF_STOCK_SHARE ? 0 : 1 + Math.floor(draw * 250);
  }

  /** Draws by popularity and price among the first `count` items on a shelf, of the series where it has any. */
  draw(random: Random, { shelf, series, priceLevel }: Wish, count: number): SimulatedItem {
    this.#grow(count);
    const ofSeries = series === null ? undefined : this.#bySeries[shelf]?.[series % this.seriesCount];
    return (
      drawBelow(random, ofSeries ?? [], priceLevel, count) ??
      drawBelow(random, this.#byShelf[shelf] ?? [], priceLevel, count) ??
      drawAny(random, this.#items, count)
    );
  }

  #grow(count: number): void {
    while (this.#items.length < count) {
      const item = this.#make(this.#items.length);
      this.#items.push(item);
      this.#byShelf[item.shelf]?.push(item);
      this.#bySeries[item.shelf]?.[item.series]?.push(item);
    }
  }

  #make(index: number): SimulatedItem {
    const random = new Random(this.#seed, STREAM.item, index);
    const shelf = random.integer(SHELVES.length);
    const place = SHELVES[shelf] as ShelfPlace;
    const department = DEPARTMENTS[place.department] as (typeof DEPARTMENTS)[number];
    const series = random.integer(this.seriesCount);
    const offset = hash(this.#seed, STREAM.department, place.department);
    const brand = BRANDS[(offset + (series % 5)) % BRANDS.length] as string;
    const seriesName = SERIES[(offset + series) % SERIES.length] as string;
    const noun = random.pick(place.nouns);
    const quality = random.pick(department.qualities);
    const priceLevel = random.normal();
    const tags = [...new Set([random.pick(TAGS), ...(random.chance(0.4) ? [random.pick(TAGS)] : [])])];
    return {
      index,
      shelf,
      series,
      priceLevel,
      popularity: 0.04 + 0.96 * random.uniform() ** 3,
      itemId: String(1001 + index),
      name: `${brand} ${seriesName} ${quality} ${noun}`,
      description: `${quality} ${noun.toLowerCase()} of the ${seriesName} series by ${brand}, for ${department.name.toLowerCase()}.`,
      categories: [department.name, place.name],
      brand,
      tags,
      price: retailPrice(place.medianPrice * Math.exp(PRICE_SIGMA * priceLevel)),
      currency: "EUR",
      createdAt: this.#arrivalOf(index, random),
    };
  }

  #arrivalOf(index: number, random: Random): number {
    const age = Math.ceil((1 + random.uniform() * 699) * DAY_MILLISECONDS);
    if (index < this.#initial) return this.#start - age;
    const weeks = (index + 1 - this.#initial) / (WEEKLY_ARRIVALS * this.#initial);
    return Math.floor(this.#start + weeks * WEEK_MILLISECONDS);
  }
}

/** x.99 from 10 euros on, x.x9 below. */
function retailPrice(euros: number): number {
  const cents = euros >= 10 ? Math.round(euros) * 100 - 1 : Math.max(2, Math.round(euros * 10)) * 10 - 1;
  return cents / 100;
}

/** Accepts an item in proportion to its popularity and to how its price suits; after some refusals the last one stands. */
function drawBelow(
  random: Random,
  items: readonly SimulatedItem[],
  priceLevel: number,
  count: number,
): SimulatedItem | undefined {
  let length = items.length;
  while (length > 0 && (items[length - 1] as SimulatedItem).index >= count) length -= 1;
  let item: SimulatedItem | undefined;
  for (let tries = 0; length > 0 && tries < 8; tries += 1) {
    item = items[random.integer(length)] as SimulatedItem;
    const suits = 1 / (1 + 0.5 * (item.priceLevel - priceLevel) ** 2);
    if (random.uniform() < item.popularity * suits) break;
  }
  return item;
}

function drawAny(random: Random, items: readonly SimulatedItem[], count: number): SimulatedItem {
  return items[random.integer(count)] as SimulatedItem;
}
