import type { Catalogue } from "./catalogue.ts";
import type { Interest, SeenPolicy } from "./history.ts";
import type { HistoryModel, ServedModel, ServedVersion } from "./model.ts";

export type FillSource = "trending" | "popular" | "latest";
/** Why an item is there: it goes with an item of the history, with the visit, with the taste of the actor, ... */
export type Source = "session" | "similar" | "personal" | FillSource;

/** One recommended item. Scores compare within one source only. */
export interface Recommendation {
  readonly item: number;
  readonly score: number;
  readonly source: Source;
  /** What ranked it; `null` for the latest items. */
  readonly from: ServedVersion | null;
  /** The item of the history that counted most; `undefined` where there is none. */
  readonly because: number | undefined;
}

/** What an answer is computed from: the same shelf and question give the same answer. */
export interface Shelf {
  readonly model: ServedModel;
  readonly catalogue: Catalogue;
  readonly seen: SeenPolicy;
  /** Items of the latest events, the newest first: what there is to show of a shop without a catalogue. */
  recentItems(): readonly number[];
}

export interface Question {
  /** The item touched last first. */
  readonly history: readonly Interest[];
  /** Models that are asked for the history, in this order, until the list is full. */
  readonly models: readonly (HistoryModel | null)[];
  /** Where the list is filled from, in this order, after what the models have. */
  readonly fill: readonly FillSource[];
  /** 1 to 100. */
  readonly limit: number;
  readonly excluded: ReadonlySet<number>;
  /** bucketsOf the request's context. */
  readonly buckets: readonly string[];
  /** Only items of this category; `null`: of a category that no item has; `undefined`: any. */
  readonly category: number | null | undefined;
}

/** What a model's algorithm has to say of why an item is there. */
const SOURCE_OF: ReadonlyMap<string, Source> = new Map([
  ["itemNeighbours", "similar"],
  ["content", "similar"],
  ["sessionNeighbours", "session"],
]);

/**
 * Recommendations, the best first: never a hidden or excluded item, never one twice, and as many as asked for when
 * there are items enough. What the actor has seen is left out (`Exclude`), ranked lower and used to fill up last
 * (`Decay`), or as any other (`Include`).
 */
export function recommend(shelf: Shelf, question: Question): Recommendation[] {
  const { history, models, buckets, fill, limit, excluded, category } = question;
  const { catalogue, seen } = shelf;
  if (category === null) return [];
  const freshness = new Map<number, number>();
  if (seen !== "Include") for (const interest of history) freshness.set(interest.item, interest.freshness);

  const list: Recommendation[] = [];
  const chosen = new Set<number>();
  const add = (recommendation: Recommendation) => {
    list.push(recommendation);
    chosen.add(recommendation.item);
  };
  const eligible = (item: number) =>
    !catalogue.hidden(item) && !excluded.has(item) && (category === undefined || catalogue.inCategory(item, category));

  const share = (item: number) => {
    if (!eligible(item) || chosen.has(item)) return 0;
    const left = freshness.get(item);
    return left === undefined ? 1 : seen === "Decay" ? left : 0;
  };
  for (const model of history.length === 0 ? [] : models) {
    if (model === null || list.length >= limit) continue;
    const source = SOURCE_OF.get(model.algorithm) ?? "personal";
    const found = model.rank(history, limit - list.length, share, buckets);
    for (const candidate of found) add({ ...candidate, source, from: model });
  }
  const fillWith = (admitted: (item: number) => boolean) => {
    for (const source of fill) {
      for (const { items, scores, from } of rankedLists(source, shelf, category)) {
        for (let rank = 0; rank < items.length && list.length < limit; rank += 1) {
          const item = items[rank] as number;
          if (chosen.has(item) || !admitted(item) || !eligible(item)) continue;
          add({ item, score: scores?.[rank] ?? 0, source, from, because: undefined });
        }
        if (list.length >= limit) return;
      }
    }
  };
  fillWith((item) => !freshness.has(item));
  if (seen === "Decay" && freshness.size > 0) fillWith((item) => freshness.has(item));
  return list;
}

/** Items in order, with scores where the source has any. */
interface RankedList {
  readonly items: ArrayLike<number>;
  readonly scores?: ArrayLike<number>;
  readonly from: ServedVersion | null;
}

function* rankedLists(source: FillSource, shelf: Shelf, category: number | undefined): Generator<RankedList> {
  if (source === "latest") {
    yield { items: shelf.catalogue.latest(category), from: null };
    yield { items: shelf.recentItems(), from: null };
  } else {
    const ranking = shelf.model[source];
    if (ranking !== null) yield { items: ranking.items, scores: ranking.scores, from: ranking };
  }
}
