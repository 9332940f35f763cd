/**
 * What is known of items whoever asks, in flat arrays: values by name. Names that a ranker looks at are `popularity`,
 * `recency` and `age` (0 to 1), `price` (natural logarithm), and for each dimension of a request's context
 * `affinity.<bucket>`, the logarithm of how much more the item is wanted there than elsewhere, with `affinity.<dimension>`
 * for buckets that it was never seen in.
 */
import { CONTEXT_DIMENSIONS } from "./request-context.ts";

export interface ItemFeatureRow {
  readonly item: number;
  readonly names: readonly string[];
  readonly values: readonly number[];
}

/** What lists are ranked by beside their models, in this order. */
export const ITEM_FEATURE_NAMES = [
  "popularity",
  "recency",
  "age",
  "priceDistance",
  ...CONTEXT_DIMENSIONS.map((dimension) => `affinity.${dimension}`),
] as const;

/** What of a request matters to an item's features. */
export interface Asker {
  /** bucketsOf its context; without them affinities are 0. */
  readonly buckets: readonly string[];
  /** Of what it did before, by number, and how much it counts. */
  readonly history: readonly number[];
  readonly weights: readonly number[];
}

/** Prices further apart than by a factor of e^3 are all alike far. */
const FARTHEST_PRICE = 3;

export class ItemFeatures {
  readonly #numbers = new Map<string, number>();
  /** Entries of item `i` stand at `#starts[i]` up to `#starts[i + 1]`. */
  readonly #starts: Int32Array;
  readonly #names: Uint16Array;
  readonly #values: Float32Array;

  /** @param rows ascending by item, at most one an item */
  constructor(rows: readonly ItemFeatureRow[], itemCount: number) {
    const entries = rows.reduce((sum, row) => sum + row.names.length, 0);
    this.#starts = new Int32Array(itemCount + 1);
    this.#names = new Uint16Array(entries);
    this.#values = new Float32Array(entries);
    let entry = 0;
    let next = 0;
    for (const { item, names, values } of rows) {
      while (next <= item) this.#starts[next++] = entry;
      for (const [at, name] of names.entries()) {
        this.#names[entry] = this.#numberOf(name);
        this.#values[entry] = values[at] as number;
        entry += 1;
      }
    }
    while (next <= itemCount) this.#starts[next++] = entry;
  }

  /** @returns writes an item's features for this asker, in the order of ITEM_FEATURE_NAMES, from a place on; 0: not known */
  writer(asker: Asker): (item: number, into: Float64Array, from: number) => void {
    const plain = ["popularity", "recency", "age"].map((name) => this.#numbers.get(name));
    const usual = this.#usualPrice(asker);
    const affinities = CONTEXT_DIMENSIONS.map((dimension) => {
      const bucket = asker.buckets.find((name) => name.startsWith(`${dimension}.`));
      return bucket === undefined
        ? []
        : [this.#numbers.get(`affinity.${bucket}`), this.#numbers.get(`affinity.${dimension}`)];
    });
    return (item, into, from) => {
      for (const [at, number] of plain.entries()) into[from + at] = this.#value(item, number) ?? 0;
      const price = this.#value(item, this.#numbers.get("price"));
      into[from + plain.length] =
        price === undefined || usual === undefined ? 0 : Math.min(FARTHEST_PRICE, Math.abs(price - usual));
      for (const [at, [bucket, unseen]] of affinities.entries()) {
        into[from + plain.length + 1 + at] = this.#value(item, bucket) ?? this.#value(item, unseen) ?? 0;
      }
    };
  }

  /** Whether anybody had to do with the item, as far as the model knows. */
  isTouched(item: number): boolean {
    return this.#value(item, this.#numbers.get("popularity")) !== undefined;
  }

  /** Mean of the logarithms of the prices of what it did before. */
  #usualPrice({ history, weights }: Asker): number | undefined {
    const price = this.#numbers.get("price");
    let sum = 0;
    let whole = 0;
    for (const [at, item] of history.entries()) {
      const found = this.#value(item, price);
      if (found === undefined) continue;
      sum += found * (weights[at] as number);
      whole += weights[at] as number;
    }
    return whole > 0 ? sum / whole : undefined;
  }

  #value(item: number, name: number | undefined): number | undefined {
    if (name === undefined) return undefined;
    const end = this.#starts[item + 1] ?? 0;
    for (let at = this.#starts[item] as number; at < end; at += 1) {
      if (this.#names[at] === name) return this.#values[at];
    }
    return undefined;
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
