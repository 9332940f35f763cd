/** Models as they are served: immutable, in flat arrays by number of the item index. */
import type { SessionScorer } from "../scoring/index.ts";

export const ALGORITHMS = ["itemNeighbours", "sessionNeighbours", "popular", "trending"] as const;

/** An algorithm and, at the same time, the alias under which its served version is published. */
export type Algorithm = (typeof ALGORITHMS)[number];

export interface ServedVersion {
  readonly version: string;
  /** The version as JSON text. */
  readonly versionJson: string;
  /** When it was trained; milliseconds since 1970. */
  readonly createdAt: number;
  /** How it did on activity that it was not trained on, by name and cutoff, such as `ndcg@20`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** When this process began to serve it; milliseconds since 1970. */
  readonly servedSince: number;
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

/** What is served at one moment; `null` where nothing was published yet. */
export interface ServedModel {
  readonly itemNeighbours: Neighbours | null;
  readonly sessionNeighbours: Sessions | null;
  readonly popular: Ranking | null;
  readonly trending: Ranking | null;
}

export const NO_MODEL: ServedModel = { itemNeighbours: null, sessionNeighbours: null, popular: null, trending: null };
