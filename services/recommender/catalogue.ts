import type { ItemIndex } from "./item-index.ts";

/** What serving needs of an item. */
export interface CatalogueItem {
  readonly itemId: string;
  readonly name: string;
  readonly categories: readonly string[];
  readonly price: number | null;
  readonly hidden: boolean;
  /** When the shop made the item, or else when its record last changed; milliseconds since 1970. */
  readonly since: number;
}

const NO_ITEMS: readonly number[] = [];
const NO_CATEGORIES: readonly number[] = [];

/** The shop's items in memory, by number of the item index. */
export class Catalogue {
  readonly #items: ItemIndex;
  readonly #categoryNumbers = new Map<string, number>();
  readonly #categories: (readonly number[] | undefined)[] = [];
  readonly #labels: (string | undefined)[] = [];
  readonly #since: (number | undefined)[] = [];
  readonly #hidden = new Set<number>();
  #latest: readonly number[] = NO_ITEMS;
  readonly #latestOfCategory = new Map<number, readonly number[]>();
  #version = 0;

  constructor(items: ItemIndex) {
    this.#items = items;
  }

  /** Another number after every change of anything. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#latest.length;
  }

  get hiddenCount(): number {
    return this.#hidden.size;
  }

  /** Takes over new and changed items; repeats change nothing. */
  apply(changes: readonly CatalogueItem[]): void {
    const moved = new Set<number>();
    const touchedCategories = new Set<number>();
    for (const change of changes) {
      const item = this.#items.intern(change.itemId);
      const categories = change.categories.map((name) => this.#categoryNumber(name));
      const before = this.#categories[item] ?? NO_CATEGORIES;
      const sameCategories = before.length === categories.length && categories.every((c, at) => c === before[at]);
      if (this.#since[item] !== change.since || !sameCategories) {
        moved.add(item);
        for (const category of before) touchedCategories.add(category);
        for (const category of categories) touchedCategories.add(category);
        if (!sameCategories) this.#categories[item] = categories;
        this.#since[item] = change.since;
      }
      const labelled = label(this.#items.json(item), change);
      if (labelled === this.#labels[item] && change.hidden === this.#hidden.has(item)) continue;
      this.#version += 1;
      this.#labels[item] = labelled;
      if (change.hidden) this.#hidden.add(item);
      else this.#hidden.delete(item);
    }
    if (moved.size === 0) return;
    this.#version += 1;
    this.#reorder(moved, touchedCategories);
  }

  hidden(item: number): boolean {
    return this.#hidden.has(item);
  }

  /** The number of a category that some item has or had. */
  category(name: string): number | undefined {
    return this.#categoryNumbers.get(name);
  }

  inCategory(item: number, category: number): boolean {
    return this.#categories[item]?.includes(category) ?? false;
  }

  /** Items of a category, or all, the newest first. */
  latest(category?: number): readonly number[] {
    return category === undefined ? this.#latest : (this.#latestOfCategory.get(category) ?? NO_ITEMS);
  }

  /** The item as the beginning of a JSON object: its id, and name and price where the catalogue has them. */
  label(item: number): string {
    return this.#labels[item] ?? `{"item":${this.#items.json(item)}`;
  }

  #categoryNumber(name: string): number {
    let number = this.#categoryNumbers.get(name);
    if (number === undefined) {
      number = this.#categoryNumbers.size;
      this.#categoryNumbers.set(name, number);
    }
    return number;
  }

  #reorder(moved: ReadonlySet<number>, categories: ReadonlySet<number>): void {
    const newestFirst = (a: number, b: number) =>
      (this.#since[b] ?? 0) - (this.#since[a] ?? 0) || this.#items.compare(a, b);
    const arrived = [...moved].sort(newestFirst);
    this.#latest = merged(this.#latest, moved, arrived, newestFirst);
    const byCategory = new Map<number, number[]>([...categories].map((category) => [category, []]));
    for (const item of arrived) {
      for (const category of new Set(this.#categories[item])) byCategory.get(category)?.push(item);
    }
    for (const [category, added] of byCategory) {
      this.#latestOfCategory.set(category, merged(this.latest(category), moved, added, newestFirst));
    }
  }
}

/** `before` without the moved items, and `arrived` at their places; both are in order. */
function merged(
  before: readonly number[],
  moved: ReadonlySet<number>,
  arrived: readonly number[],
  compare: (a: number, b: number) => number,
): number[] {
  const result: number[] = [];
  let next = 0;
  for (const item of before) {
    if (moved.has(item)) continue;
    for (let other = arrived[next]; other !== undefined && compare(other, item) < 0; other = arrived[next]) {
      result.push(other);
      next += 1;
    }
    result.push(item);
  }
  for (; next < arrived.length; next += 1) result.push(arrived[next] as number);
  return result;
}

function label(jsonId: string, { name, price }: CatalogueItem): string {
  const namePart = name === "" ? "" : `,"name":${JSON.stringify(name)}`;
  const pricePart = price === null ? "" : `,"price":${price}`;
  return `{"item":${jsonId}${namePart}${pricePart}`;
}
