import type { Catalogue } from "./catalogue.ts";
import type { Interest, SeenPolicy } from "./history.ts";
import type { ServedModel } from "./model.ts";
import type { NeighbourRanker } from "./ranking.ts";
import type { SessionRanker } from "./session-ranking.ts";

export type FillSource = "trending" | "popular" | "latest";
export type Source = "session" | "similar" | FillSource;

/** One recommended item. Scores compare within one source only. */
export interface Recommendation {
  readonly item: number;
  readonly score: number;
  readonly source: Source;
  /** The item of the history that counted most; `undefined` for what is filled in. */
  readonly because: number | undefined;
}

/** What an answer is computed from: the same shelf and question give the same answer. */
export interface Shelf {
  readonly model: ServedModel;
  readonly catalogue: Catalogue;
  readonly ranker: NeighbourRanker;
  readonly sessionRanker: SessionRanker;
  readonly seen: SeenPolicy;
  /** Items of the latest events, the newest first: what there is to show of a shop without a catalogue. */
  recentItems(): readonly number[];
}

export interface Question {
  /** The item touched last first. */
  readonly history: readonly Interest[];
  /** Whether the history is one visit: what past visits like it went on with comes first. */
  readonly visit: boolean;
  /** Where the list is filled from, in this order, after what is similar to the history. */
  readonly fill: readonly FillSource[];
  /** 1 to 100. */
  readonly limit: number;
  readonly excluded: ReadonlySet<number>;
  /** Only items of this category; `null`: of a category that no item has; `undefined`: any. */
  readonly category: number | null | undefined;
}

/**
 * Recommendations, the best first: never a hidden or excluded item, never one twice, and as many as asked for when
 * there are items enough. What the actor has seen is left out (`Exclude`), ranked lower and used to fill up last
 * (`Decay`), or as any other (`Include`).
 */
export function recommend(shelf: Shelf, question: Question): Recommendation[] {
  const { history, visit, fill, limit, excluded, category } = question;
  const { model, catalogue, ranker, sessionRanker, seen } = shelf;
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
  if (visit && model.sessionNeighbours !== null && history.length > 0) {
    for (const candidate of sessionRanker.rank(model.sessionNeighbours, history, limit, share)) {
      add({ ...candidate, source: "session" });
    }
  }
  if (model.itemNeighbours !== null && history.length > 0 && list.length < limit) {
    for (const { item, score, because } of ranker.rank(model.itemNeighbours, history, limit - list.length, share)) {
      add({ item, score, source: "similar", because });
    }
  }
  const fillWith = (admitted: (item: number) => boolean) => {
    for (const source of fill) {
      for (const { items, scores } of rankedLists(source, shelf, category)) {
        for (let rank = 0; rank < items.length && list.length < limit; rank += 1) {
          const item = items[rank] as number;
          if (chosen.has(item) || !admitted(item) || !eligible(item)) continue;
          add({ item, score: scores?.[rank] ?? 0, source, because: undefined });
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
}

function* rankedLists(source: FillSource, shelf: Shelf, category: number | undefined): Generator<RankedList> {
  if (source === "latest") {
    yield { items: shelf.catalogue.latest(category) };
    yield { items: shelf.recentItems() };
  } else {
    const ranking = shelf.model[source];
    if (ranking !== null) yield ranking;
  }
}
