/** The search for parameters before an evaluation: on the train part alone, so that the test part stays unseen. */
import type { Algorithm, Parameters } from "../algorithms/algorithm.ts";
import { createAlgorithm } from "../algorithms/index.ts";
import { COMPARED_METRIC } from "../judging/judge.ts";
import { type TuningOptions, type TuningResult, tune } from "../tuning/index.ts";
import type { WorkTables } from "../work-tables.ts";

export interface Tuned extends TuningResult {
  readonly algorithm: string;
  /** What it began from. */
  readonly start: Parameters;
}

export interface TuningOccasion extends Pick<TuningOptions, "activity" | "boundary" | "weighting" | "sessions"> {
  /** @param done algorithms, with the share of the one under way */
  readonly onProgress: (done: number, algorithm: string) => void;
}

const SEED = 1;

/** @returns of each algorithm that has something to search; none without `tuning` @throws ClickHouseError */
export async function tuneAll(
  work: WorkTables,
  {
    tuning,
    cutoffs,
    now,
  }: {
    readonly tuning?: { readonly trials: number };
    readonly cutoffs: readonly number[];
    readonly now: () => number;
  },
  algorithms: readonly Algorithm[],
  { onProgress, ...activity }: TuningOccasion,
): Promise<Tuned[]> {
  if (tuning === undefined) return [];
  const all: Tuned[] = [];
  for (const [index, { name: algorithm, parameters: start, space }] of algorithms.entries()) {
    onProgress(index, algorithm);
    if (space === undefined) continue;
    const result = await tune(work, (parameters) => createAlgorithm(algorithm, { ...start, ...parameters }), {
      ...activity,
      trials: tuning.trials,
      deadline: Number.POSITIVE_INFINITY,
      seed: SEED,
      metric: COMPARED_METRIC,
      k: Math.max(...cutoffs),
      now,
      onProgress: (done, total) => onProgress(index + done / total, algorithm),
    });
    if (result !== null) all.push({ algorithm, start, ...result });
  }
  return all;
}
