/**
 * Which settings are tried, and which go on: random search (Bergstra and Bengio, JMLR 2012), of which successive halving
 * (Jamieson and Talwalkar, AISTATS 2016) tries many on a little data and the best third of them on three times as much.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Parameters } from "../algorithms/algorithm.ts";
import { draw, type SearchSpace } from "./space.ts";

/** Of the settings of a rung one in so many goes on, to so many times the data. */
export const REDUCTION = 3;
const MOST_RUNGS = 3;
/** A space of few choices has no more settings than these attempts find. */
const ATTEMPTS_PER_SETTING = 20;

/** Share of the data that each rung is tried on, ascending; the last is all of it. */
export function rungShares(trials: number): number[] {
  const rungs = Math.min(MOST_RUNGS, 1 + Math.floor(Math.log(trials) / Math.log(REDUCTION) + 1e-9));
  return Array.from({ length: rungs }, (_, rung) => REDUCTION ** (rung + 1 - rungs));
}

/**
 * Settings of the first rung, all different: those to start from, then as many drawn ones as make up the number.
 *
 * @param starts complete parameters, the first of which the drawn values replace some of
 */
export function firstSettings(
  starts: readonly [Parameters, ...Parameters[]],
  space: SearchSpace,
  trials: number,
  seed: number,
): Parameters[] {
  const random = xoroshiro128plus(seed);
  const settings = new Map<string, Parameters>();
  const add = (parameters: Parameters) => {
    if (settings.size < trials) settings.set(keyOf(parameters), parameters);
  };
  for (const start of starts) add(start);
  for (let attempt = 0; attempt < trials * ATTEMPTS_PER_SETTING && settings.size < trials; attempt += 1) {
    add({ ...starts[0], ...draw(space, random) });
  }
  return [...settings.values()];
}

function keyOf(parameters: Parameters): string {
  return JSON.stringify(Object.entries(parameters).sort(([one], [other]) => (one < other ? -1 : 1)));
}

export interface Scored {
  /** `null`: the fit failed. */
  readonly score: number | null;
}

/** The best first, of equal ones the one tried first; failed ones are left out. */
export function ranking<Trial extends Scored>(trials: readonly Trial[]): Trial[] {
  return trials
    .filter(({ score }) => score !== null)
    .toSorted((one, other) => (other.score as number) - (one.score as number));
}

/** Those that go on to the next rung, the best first: if time runs out there, the best was tried. */
export function survivors<Trial extends Scored>(trials: readonly Trial[]): Trial[] {
  return ranking(trials).slice(0, Math.ceil(trials.length / REDUCTION));
}

/**
 * Whether there is time for another trial, if it takes as long as the longest of its rung so far, or three times the
 * longest of the rung before. Milliseconds.
 */
export function fits(
  now: number,
  deadline: number,
  longest: { readonly here: number; readonly before: number },
): boolean {
  const expected = longest.here > 0 ? longest.here : longest.before * REDUCTION;
  return now < deadline && now + expected <= deadline;
}
