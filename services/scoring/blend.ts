/** One list from the lists of several models, by a linear function of where each of them has an item and of what is known of it. */
import { type Asker, ITEM_FEATURE_NAMES, type ItemFeatures } from "./item-features.ts";

/** The best of one model, the best first. */
export interface ModelList {
  readonly items: readonly number[];
  readonly scores: readonly number[];
}

/** Of each model: its score relative to its best, and its rank; then those of the item for all. */
const FEATURES_PER_MODEL = 2;

/** Ranks are told apart at the top, hardly further down. */
const RANK_OFFSET = 10;

export interface Candidates {
  readonly items: number[];
  /** `items.length` rows of `featureCount` numbers. */
  readonly features: Float64Array;
}

export function featureCount(models: number): number {
  return models * FEATURES_PER_MODEL + ITEM_FEATURE_NAMES.length;
}

/** Names of the features, in their order. */
export function featureNames(models: readonly string[]): string[] {
  return [...models.flatMap((model) => [`${model}.score`, `${model}.rank`]), ...ITEM_FEATURE_NAMES];
}

/**
 * Every item that is in a list, with its features: 0 of a model that does not have it.
 *
 * @param lists one a model, in the order of the models
 */
export function candidatesOf(lists: readonly ModelList[], known: ItemFeatures, asker: Asker): Candidates {
  const places = new Map<number, number>();
  for (const { items } of lists) for (const item of items) if (!places.has(item)) places.set(item, places.size);
  const width = featureCount(lists.length);
  const features = new Float64Array(places.size * width);
  for (const [model, { items, scores }] of lists.entries()) {
    const best = Math.max(scores[0] ?? 0, Number.MIN_VALUE);
    for (const [rank, item] of items.entries()) {
      const at = (places.get(item) as number) * width + model * FEATURES_PER_MODEL;
      features[at] = (scores[rank] as number) / best;
      features[at + 1] = RANK_OFFSET / (RANK_OFFSET + rank);
    }
  }
  const write = known.writer(asker);
  for (const [item, place] of places) write(item, features, place * width + lists.length * FEATURES_PER_MODEL);
  return { items: [...places.keys()], features };
}

/** The product of candidate `place`'s features with the weights. */
export function blended({ features }: Candidates, place: number, weights: ArrayLike<number>): number {
  const from = place * weights.length;
  let sum = 0;
  for (let at = 0; at < weights.length; at += 1) sum += (features[from + at] as number) * (weights[at] as number);
  return sum;
}

/**
 * Gives every `every`-th place to the best newcomer (an item that nobody has touched) that has none: by what is known of
 * it, it would hardly ever come into a list, and so never become known.
 *
 * @param list the best first, of the length that is wanted
 * @param newcomers the best first
 */
export function withNewcomers(list: readonly number[], newcomers: readonly number[], every: number): number[] {
  const places = every > 0 ? Math.floor(list.length / every) : 0;
  const admitted = newcomers.filter((item) => !list.slice(0, list.length - places).includes(item)).slice(0, places);
  const mixed = list.filter((item) => !admitted.includes(item)).slice(0, list.length - admitted.length);
  for (const [at, item] of admitted.entries()) mixed.splice((at + 1) * every - 1, 0, item);
  return mixed;
}
