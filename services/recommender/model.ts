/** Models as they are served: immutable, in flat arrays by number of the item index. */
import type { SessionScorer } from "../scoring/index.ts";
import type { Interest } from "./history.ts";

/**
 * The places that a model can be served in, each an alias of the registry: what answers users, whichever algorithm that
 * is, and algorithms that endpoints ask for by themselves.
 */
export const SLOTS = ["champion", "itemNeighbours", "sessionNeighbours", "content", "popular", "trending"] as const;

export type Slot = (typeof SLOTS)[number];

export interface ServedVersion {
  readonly algorithm: string;
  readonly version: string;
  /** The version as JSON text. */
  readonly versionJson: string;
  /** When it was trained; milliseconds since 1970. */
  readonly createdAt: number;
  /** How it did on activity that it was not trained on, by name and cutoff, such as `ndcg@20`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** When this process began to serve it; milliseconds since 1970. */
  readonly servedSince: number;
  /** What it was judged by and how it did, such as `{ metric: "NDCG@20", value: 0.15 }`; `null`: it was not judged. */
  readonly score: { readonly metric: string; readonly value: number } | null;
}

/** Similar items: those of item `i` stand at `start[i]` up to `end[i]`, the most similar first. */
export interface Neighbours extends ServedVersion {
  /** By item; items that were numbered after this model was loaded have no place in it. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly items: Int32Array;
  readonly weights: Float32Array;
}

/** Past sessions, and how the current one is compared with them. */
export interface Sessions extends ServedVersion {
  readonly scorer: SessionScorer;
}

/** Items in order of rank. */
export interface Ranking extends ServedVersion {
  readonly items: Int32Array;
  readonly scores: Float64Array;
}

export interface Candidate {
  readonly item: number;
  readonly score: number;
  /** The item of the history that contributed most; `undefined` where the model cannot tell. */
  readonly because: number | undefined;
}

/**
 * The best for a history, the best first, ties by item id.
 *
 * @param history the item touched last first
 * @param limit at least 1
 * @param share what is left of an item's score, 0 to 1; 0 leaves the item out. Asked only for items that would rank
 * @param buckets bucketsOf the request's context
 */
export type Rank = (
  history: readonly Interest[],
  limit: number,
  share: (item: number) => number,
  buckets: readonly string[],
) => Candidate[];

/** A model of any algorithm that can answer for a history. */
export interface HistoryModel extends ServedVersion {
  readonly rank: Rank;
}

/** What is served at one moment; `null` where nothing was published yet. */
export interface ServedModel {
  readonly champion: HistoryModel | null;
  readonly itemNeighbours: HistoryModel | null;
  readonly sessionNeighbours: HistoryModel | null;
  readonly content: HistoryModel | null;
  readonly popular: Ranking | null;
  readonly trending: Ranking | null;
}

export const NO_MODEL: ServedModel = {
  champion: null,
  itemNeighbours: null,
  sessionNeighbours: null,
  content: null,
  popular: null,
  trending: null,
};
