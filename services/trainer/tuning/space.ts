/** What of an algorithm can be searched, and how settings are drawn from it. */
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** Where good values of a parameter may be: one of some, or anywhere between two, both included. */
export type Range =
  | { readonly choices: readonly number[] }
  | {
      readonly from: number;
      readonly to: number;
      /** Evenly by the logarithm: for what matters by its order of magnitude. `from` is above 0. */
      readonly logarithmic?: true;
      /** Whole numbers alone. */
      readonly whole?: true;
    };

/** By the parameter's name. Those that are not named stay as they are. */
export type SearchSpace = Readonly<Record<string, Range>>;

/** Digits that a drawn number keeps: enough to tell values apart, few enough to be written down. */
const DIGITS = 3;

export function draw(space: SearchSpace, random: RandomGenerator): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(space).map(([name, range]) => [name, valueAt(range, uniform(random))]));
}

/** @param share 0 up to 1, of the way through the range */
export function valueAt(range: Range, share: number): number {
  if ("choices" in range) {
    const chosen = range.choices[Math.min(range.choices.length - 1, Math.floor(share * range.choices.length))];
    if (chosen === undefined) throw new RangeError("a parameter without choices");
    return chosen;
  }
  const { from, to, logarithmic, whole } = range;
  const end = whole ? to + 1 : to;
  const value = logarithmic ? from * (end / from) ** share : from + (end - from) * share;
  const written = whole ? Math.floor(value) : Number(value.toPrecision(DIGITS));
  return Math.min(to, Math.max(from, written));
}

function uniform(random: RandomGenerator): number {
  return (random.next() >>> 0) / 2 ** 32;
}
