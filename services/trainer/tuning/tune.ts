/** The search for better parameters of one algorithm, within a number of trials and a time. */
import type { Algorithm, Parameters } from "../algorithms/algorithm.ts";
import { judgeValues } from "../judging/judge.ts";
import type { AveragedMetric } from "../judging/metrics.ts";
import type { WorkTables } from "../work-tables.ts";
import { firstSettings, fits, ranking, rungShares, survivors } from "./halving.ts";
import { createSlice, partingOf, type Slice, type SlicedActivity } from "./slices.ts";

export interface TuningOptions extends SlicedActivity {
  /** Tried beside the algorithm's own: what an earlier search found. Names that the algorithm does not have are ignored. */
  readonly start?: Parameters;
  /** Settings that are tried at the most, at least 1. */
  readonly trials: number;
  /** Milliseconds since 1970, by `now`: no trial begins that would probably end later. */
  readonly deadline: number;
  readonly seed: number;
  /** What trials are judged by, of lists of `k`. */
  readonly metric: AveragedMetric;
  readonly k: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** @param done trials, those of all rungs, of `total` that there will be with enough time */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Trial {
  readonly parameters: Parameters;
  /** Of the activity, 0 to 1: scores of different shares do not compare. */
  readonly share: number;
  /** `null`: the fit failed, `reason` says why. */
  readonly score: number | null;
  readonly reason: string;
}

export interface TuningResult {
  /** Of the best trial of the largest share that was tried; where there was none, those to start from. */
  readonly parameters: Parameters;
  readonly score: number | null;
  /** In the order in which they were tried. */
  readonly trials: readonly Trial[];
}

/**
 * Random search with successive halving. Fits see growing parts of the time before the youngest tenth of the events before
 * `boundary`; trials are judged on that tenth. The same options give the same result, but for what the deadline cuts off.
 *
 * @param create the algorithm with some parameters that are not its own
 * @returns `null` where there is nothing to search, or nothing to judge by
 * @throws ClickHouseError
 */
export async function tune(
  work: WorkTables,
  create: (parameters: Parameters) => Algorithm,
  options: TuningOptions,
): Promise<TuningResult | null> {
  const { start, trials: budget, deadline, seed, now, onProgress = () => {} } = options;
  const standard = create({});
  const own = standard.parameters;
  const parting = standard.space === undefined ? null : await partingOf(work, options);
  if (standard.space === undefined || parting === null) return null;
  const first = { ...own, ...Object.fromEntries(Object.entries(start ?? {}).filter(([name]) => name in own)) };
  let settings = firstSettings([first, own], standard.space, budget, seed);
  const shares = rungShares(settings.length);
  const total = totalTrials(settings.length, shares.length);
  const trials: Trial[] = [];
  let best: Trial | undefined;
  let longest = { here: 0, before: 0 };
  for (const share of shares) {
    if (!fits(now(), deadline, longest)) break;
    const name = `tune_${standard.name}`;
    const slice = await createSlice(work, name, options, parting, share);
    if (slice.cases.count === 0) continue;
    const rung: Trial[] = [];
    for (const parameters of settings) {
      if (!fits(now(), deadline, longest)) break;
      const began = now();
      rung.push({ parameters, share, ...(await score(work, `${name}_trial`, create(parameters), slice, options)) });
      longest = { ...longest, here: Math.max(longest.here, now() - began) };
      onProgress(trials.length + rung.length, total);
    }
    trials.push(...rung);
    best = ranking(rung)[0] ?? best;
    if (rung.length < settings.length) break;
    settings = survivors(rung).map(({ parameters }) => parameters);
    longest = { here: 0, before: longest.here };
  }
  if (trials.length === 0 && now() < deadline) return null;
  return { parameters: best?.parameters ?? first, score: best?.score ?? null, trials };
}

function totalTrials(settings: number, rungs: number): number {
  let [total, here] = [0, settings];
  for (let rung = 0; rung < rungs; rung += 1) {
    total += here;
    here = survivors(Array.from({ length: here }, () => ({ score: 0 }))).length;
  }
  return total;
}

async function score(
  work: WorkTables,
  name: string,
  algorithm: Algorithm,
  { cases, ...slice }: Slice,
  { weighting, metric, k }: TuningOptions,
): Promise<Pick<Trial, "score" | "reason">> {
  try {
    const model = await algorithm.fit({ work, name, weighting, ...slice, onProgress: () => {} });
    try {
      const values = await judgeValues(work, name, model, cases, k, metric);
      return { score: values.reduce((sum, value) => sum + value, 0) / values.length, reason: "" };
    } finally {
      await model.close?.();
    }
  } catch (error) {
    return { score: null, reason: error instanceof Error ? error.message : String(error) };
  }
}
