/** Better parameters for a run's algorithms, where `spec.training.tuning` asks to look for them. */
import type { Algorithm, Parameters } from "./algorithms/algorithm.ts";
import { createAlgorithm } from "./algorithms/index.ts";
import type { Weighting } from "./interactions.ts";
import type { AveragedMetric } from "./judging/metrics.ts";
import type { TrainingOptions } from "./options.ts";
import { tune } from "./tuning/index.ts";
import type { WorkTables } from "./work-tables.ts";

export interface TuningRun {
  readonly training: TrainingOptions;
  /** Table of ACTIVITY_COLUMNS. */
  readonly activity: string;
  readonly weighting: Weighting;
  /** Nothing from then on is looked at; milliseconds since 1970. */
  readonly boundary: number;
  /** What an earlier run found, by algorithm. */
  readonly start: Readonly<Record<string, Parameters>>;
  readonly metric: AveragedMetric;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onProgress: (algorithm: string, share: number) => void;
}

/** The same in every run, so that the same data gives the same model. */
const SEED = 1;

/**
 * Each algorithm that has something to search gets an equal part of what is left of the time.
 *
 * @returns by algorithm; without tuning none
 * @throws ClickHouseError
 */
export async function tunedParameters(
  work: WorkTables,
  algorithms: readonly Algorithm[],
  { training, activity, weighting, boundary, start, metric, now, onProgress }: TuningRun,
): Promise<Record<string, Parameters>> {
  const { tuning, evaluation } = training;
  if (tuning === undefined) return {};
  const end = now() + tuning.timeoutMinutes * 60_000;
  const searched = algorithms.filter(({ space }) => space !== undefined);
  const found: Record<string, Parameters> = {};
  for (const [index, { name }] of searched.entries()) {
    const result = await tune(work, (parameters) => createAlgorithm(name, parameters), {
      ...{ activity, boundary, weighting, metric, now },
      start: start[name] ?? {},
      trials: tuning.trials,
      deadline: now() + (end - now()) / (searched.length - index),
      seed: SEED,
      k: evaluation.k,
      onProgress: (done, total) => onProgress(name, (index + done / total) / searched.length),
    });
    if (result !== null) found[name] = result.parameters;
  }
  return found;
}
