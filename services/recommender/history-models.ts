/** Models that answer for a history, from what was loaded of each algorithm. */
import { blended, candidatesOf, type ItemFeatures, type ModelList, TopList, withNewcomers } from "../scoring/index.ts";
import { inSpan } from "../telemetry/index.ts";
import type { ItemIndex } from "./item-index.ts";
import type { Candidate, HistoryModel, Neighbours, Rank, Ranking, ServedVersion, Sessions } from "./model.ts";
import { NeighbourRanker } from "./ranking.ts";
import { SessionRanker } from "./session-ranking.ts";

/** A model that scores all items for a history, an item a row. */
export interface ItemVectors extends ServedVersion {
  /** By row, the number of the item. */
  readonly items: Int32Array;
  readonly scorer: {
    /** @param rows the item touched last first @param weights the largest is 1 @returns by row */
    score(rows: readonly number[], weights: readonly number[]): Float32Array;
  };
}

/** The weights of a ranker, and what it takes its candidates from, in the order of its features. */
export interface Blend extends ServedVersion {
  readonly components: readonly HistoryModel[];
  /** Of each component. */
  readonly candidates: number;
  readonly weights: Float64Array;
  /** By item; of those that were numbered after this model was loaded nothing is known. */
  readonly known: ItemFeatures;
  /** Every so many places one is for an item that nobody has touched; 0: none. */
  readonly newcomerEvery: number;
}

/** Their scratch space is shared: one question at a time. */
export class HistoryModels {
  readonly #items: ItemIndex;
  readonly #neighbours: NeighbourRanker;
  readonly #sessions: SessionRanker;

  constructor(items: ItemIndex) {
    this.#items = items;
    this.#neighbours = new NeighbourRanker(items);
    this.#sessions = new SessionRanker(items);
  }

  neighbours(model: Neighbours): HistoryModel {
    return served(model, (history, limit, share) => this.#neighbours.rank(model, history, limit, share));
  }

  sessions(model: Sessions): HistoryModel {
    return served(model, (history, limit, share) => this.#sessions.rank(model, history, limit, share));
  }

  /** The same for everybody. */
  ranking(model: Ranking): HistoryModel {
    return served(model, (_history, limit, share) => {
      const list: Candidate[] = [];
      for (let at = 0; at < model.items.length && list.length < limit; at += 1) {
        const item = model.items[at] as number;
        const score = (model.scores[at] as number) * share(item);
        if (score > 0) list.push({ item, score, because: undefined });
      }
      return list;
    });
  }

  vectors(model: ItemVectors): HistoryModel {
    const rowOf = new Map([...model.items].map((item, row) => [item, row]));
    return served(model, (history, limit, share) => {
      const known = history.flatMap(({ item, strength }) => {
        const row = rowOf.get(item);
        return row === undefined ? [] : [{ row, strength }];
      });
      const most = known.reduce((largest, { strength }) => Math.max(largest, strength), 0);
      if (most === 0) return [];
      const scores = model.scorer.score(
        known.map(({ row }) => row),
        known.map(({ strength }) => strength / most),
      );
      const top = this.#topList(limit);
      for (let row = 0; row < scores.length; row += 1) {
        const whole = scores[row] as number;
        if (!(whole > 0) || !top.admits(whole)) continue;
        const item = model.items[row] as number;
        const score = whole * share(item);
        if (score > 0 && top.admits(score)) top.add(item, score);
      }
      return candidates(top.take());
    });
  }

  /** Exponentials of the ranker's scores, which are chances up to a factor. */
  blend(model: Blend): HistoryModel {
    return served(model, (...question) => this.#blended(model, ...question));
  }

  #blended(model: Blend, ...[history, limit, share, buckets]: Parameters<Rank>): Candidate[] {
    const { components, weights, known, newcomerEvery } = model;
    const admitted = (item: number) => (share(item) > 0 ? 1 : 0);
    const causes = new Map<number, number>();
    const lists = components.map(({ rank }): ModelList => {
      const found = rank(history, Math.max(limit, model.candidates), admitted, buckets);
      for (const { item, because } of found) {
        if (because !== undefined && !causes.has(item)) causes.set(item, because);
      }
      return { items: found.map(({ item }) => item), scores: found.map(({ score }) => score) };
    });
    const asker = {
      buckets,
      history: history.map(({ item }) => item),
      weights: history.map(({ strength }) => strength),
    };
    const found = candidatesOf(lists, known, asker);
    const [top, newcomers] = [this.#topList(limit), this.#topList(limit)];
    const scores = new Map<number, number>();
    for (const [place, item] of found.items.entries()) {
      const score = Math.exp(blended(found, place, weights)) * share(item);
      scores.set(item, score);
      if (top.admits(score)) top.add(item, score);
      if (!known.isTouched(item) && newcomers.admits(score)) newcomers.add(item, score);
    }
    const items = withNewcomers(top.take().items, newcomers.take().items, newcomerEvery);
    return candidates({ items, scores: items.map((item) => scores.get(item) as number) }, causes);
  }

  #topList(limit: number): TopList {
    return new TopList(limit, (item, other) => this.#items.compare(item, other) < 0);
  }
}

function served(model: ServedVersion, rank: Rank): HistoryModel {
  const { algorithm, version, versionJson, createdAt, metrics, servedSince, score } = model;
  const options = {
    attributes: { "productmatcher.model.algorithm": algorithm, "productmatcher.model.version": version },
  };
  const traced: Rank = (history, limit, share, buckets) =>
    inSpan("candidates", options, (span) => {
      const found = rank(history, limit, share, buckets);
      span.setAttribute("productmatcher.candidates", found.length);
      return found;
    });
  return { algorithm, version, versionJson, createdAt, metrics, servedSince, score, rank: traced };
}

function candidates(
  { items, scores }: { readonly items: readonly number[]; readonly scores: readonly number[] },
  causes: ReadonlyMap<number, number> = NO_CAUSES,
): Candidate[] {
  return items.map((item, at) => ({ item, score: scores[at] as number, because: causes.get(item) }));
}

const NO_CAUSES: ReadonlyMap<number, number> = new Map();
