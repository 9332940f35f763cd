/** What every algorithm is to the trainer. */
import type { Weighting, Window } from "../interactions.ts";
import type { Matrix } from "../matrix.ts";
import type { SearchSpace } from "../tuning/space.ts";
import type { WorkTables } from "../work-tables.ts";

export interface FitContext {
  readonly work: WorkTables;
  /** Begins the names of this fit's work tables. */
  readonly name: string;
  /** Table of ACTIVITY_COLUMNS. */
  readonly activity: string;
  readonly weighting: Weighting;
  readonly window: Window;
  /** Of the activity in the window. */
  readonly matrix: Matrix;
  /**
   * What the model will be asked, for those that learn from questions: what people turn to in the time after the window
   * (`later`, when absent), or what each actor turns to after its own last event (`next`).
   */
  readonly asked?: "later" | "next";
  /** Share of the fit that is done, 0 to 1. */
  readonly onProgress: (share: number) => void;
  /** A model that was fitted on this same context already; whoever fitted it closes it. */
  readonly fitted?: ((algorithm: Algorithm) => Promise<FittedModel> | FittedModel | undefined) | undefined;
}

/**
 * Where lists are asked for. Table (case UInt32, history Array(UInt32), history_weights Array(Float64) of 0 to 1,
 * recent Array(UInt32), masked Array(UInt32)): for each case, what its actor did, what of it last (at most
 * RECENT_ITEMS, the newest first), and the items that may not be in its list. Cases are numbered from 0.
 */
export interface Cases {
  readonly table: string;
  readonly count: number;
  /** Sum of the lengths of the histories. */
  readonly historyEntries: number;
  /** Table (case UInt32, buckets Array(String)): the context of those whose context is known. */
  readonly contexts?: string;
}

export const RANKED_COLUMNS =
  "case UInt32, ranked Array(UInt32) COMMENT 'the best first', scores Array(Float64) COMMENT 'of ranked'";

export interface FittedModel {
  /**
   * Adds to `into` (RANKED_COLUMNS) each case's best `length` items and their scores, the best first, ties by number;
   * no row when nothing fits.
   */
  rank(cases: Cases, into: string, length: number): Promise<void>;
  /** Writes the model's rows under this version into the tables that the recommender reads. */
  store(version: string): Promise<void>;
  /** Why it must not be served, `undefined` when it may. */
  fault(): Promise<string | undefined>;
  /** Gives back threads and memory; the model is not used afterwards. */
  close?(): Promise<void>;
}

export type Parameters = Readonly<Record<string, number>>;

export interface Algorithm {
  readonly name: string;
  /** Needs to know when events happened. */
  readonly needsTime: boolean;
  /** Needs to know what items are: a Matrix with a catalogue. */
  readonly needsCatalogue?: boolean;
  /** As it is written into the version's configuration. */
  readonly parameters: Parameters;
  /** Whose candidates it ranks, where it does. */
  readonly components?: readonly Algorithm[];
  /** Where better parameters may be found; absent where there is nothing to search. */
  readonly space?: SearchSpace;
  /** @throws ClickHouseError */
  fit(context: FitContext): Promise<FittedModel>;
}
