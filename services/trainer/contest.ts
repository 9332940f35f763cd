/** All recipes of a run, fitted on what came before the holdout and judged on the same events in it. */
import type { Algorithm, FittedModel } from "./algorithms/algorithm.ts";
import { STANDING_ALGORITHMS } from "./algorithms/index.ts";
import type { Contender } from "./gate.ts";
import { caseActors, type JudgedCases, translateCases } from "./judging/cases.ts";
import { judge, judgeValues } from "./judging/judge.ts";
import type { AveragedMetric, Metrics } from "./judging/metrics.ts";
import { degenerate } from "./judging/soundness.ts";
import { leakOf, type Tripwires } from "./judging/tripwires.ts";
import type { Period } from "./period.ts";
import { recipeOf } from "./recipes.ts";
import type { WorkTables } from "./work-tables.ts";

export interface ContestOptions {
  /** Before the holdout. */
  readonly past: Period;
  /** Of the holdout, in the numbers of `past`. */
  readonly cases: JudgedCases;
  readonly tripwires: Tripwires | null;
  readonly metric: AveragedMetric;
  readonly k: number;
  /** Of answering one list, averaged. */
  readonly maxRankMilliseconds: number;
}

const TIMED_CASES = 500;

/** Why a recipe is out of the contest, whatever its figures. */
export interface Disqualification {
  readonly cause: "Degenerate" | "LeakDetected" | "TooSlow" | "Failed";
  readonly reason: string;
}

export interface Judged extends Contender {
  readonly algorithm: Algorithm;
  readonly metrics: Metrics;
  /** Whether `values` are of lists that it gave: not where it failed before. */
  readonly measured: boolean;
  readonly disqualified: Disqualification | null;
}

export class Contest {
  readonly #work: WorkTables;
  readonly #options: ContestOptions;
  /** By case. */
  readonly actors: Uint32Array;

  private constructor(work: WorkTables, options: ContestOptions, actors: Uint32Array) {
    this.#work = work;
    this.#options = options;
    this.actors = actors;
  }

  static async open(work: WorkTables, options: ContestOptions): Promise<Contest> {
    return new Contest(work, options, await caseActors(work, options.cases));
  }

  /** Fits and judges; what goes wrong disqualifies. */
  async judge(algorithm: Algorithm, minCoveragePercent: number, onProgress: (share: number) => void): Promise<Judged> {
    const { past, cases, metric, k } = this.#options;
    const recipe = recipeOf(algorithm);
    const base = { algorithm, recipe, metrics: {}, values: new Float64Array(cases.count), measured: false };
    // Nobody can be asked: whether it is sound shows when it is fitted on everything.
    if (cases.count === 0) return { ...base, measured: true, disqualified: null };
    try {
      const model = await past.fit(algorithm, (share) => onProgress(share * 0.8));
      const broken = degeneration(await model.fault());
      if (broken !== undefined) return { ...base, disqualified: broken };
      const judgement = await judge(this.#work, algorithm.name, past.matrix, model, cases, [k], metric);
      const values = await judgement.values();
      const room = Math.min(past.matrix.touchedCount, cases.count * k);
      const fault =
        (await this.#leak(algorithm, model)) ??
        degeneration(degenerate(await judgement.lists(), room, minCoveragePercent)) ??
        this.#tooSlow(algorithm, judgement.rankMilliseconds);
      const disqualified = fault ?? null;
      return { ...base, metrics: judgement.metrics, values, measured: true, disqualified };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...base, disqualified: { cause: "Failed", reason } };
    }
  }

  async #leak(algorithm: Algorithm, model: FittedModel): Promise<Disqualification | undefined> {
    const { past, tripwires } = this.#options;
    if (tripwires === null) return undefined;
    const reason = await leakOf(this.#work, algorithm.name, past.matrix, model, tripwires);
    return reason === undefined ? undefined : { cause: "LeakDetected", reason };
  }

  #tooSlow(algorithm: Algorithm, all: number): Disqualification | undefined {
    const { maxRankMilliseconds, cases } = this.#options;
    const milliseconds = all / cases.count;
    // Of few lists what is done once for all of them would count for each.
    if (cases.count < TIMED_CASES || STANDING_ALGORITHMS.includes(algorithm.name)) return undefined;
    if (milliseconds <= maxRankMilliseconds) return undefined;
    const reason = `a list takes ${milliseconds.toFixed(1)} ms, objectives.latencyMilliseconds is ${maxRankMilliseconds}`;
    return { cause: "TooSlow", reason };
  }

  /**
   * What a recipe in service is worth on the same cases.
   *
   * @param period what it is fitted on; `null`: the same as the candidates
   */
  async reference(algorithm: Algorithm, period: Period | null): Promise<Float64Array> {
    const { past, cases, metric, k } = this.#options;
    const name = `incumbent_${algorithm.name}`;
    const source = period ?? past;
    const asked = period === null ? cases : await translateCases(this.#work, name, cases, past.matrix, period.matrix);
    const model = await source.fit(algorithm);
    return judgeValues(this.#work, name, model, asked, k, metric);
  }
}

function degeneration(reason: string | undefined): Disqualification | undefined {
  return reason === undefined ? undefined : { cause: "Degenerate", reason };
}
