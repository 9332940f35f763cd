/**
 * How sure a difference is: percentile bootstrap over actors (Efron and Tibshirani, "An introduction to the bootstrap",
 * 1993; for rankings Sakai, SIGIR 2006). Lists of one actor depend on each other, so actors are drawn, not lists.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

export interface Lift {
  /** How much larger the mean is than the reference's, in percent of the reference's. */
  readonly percent: number;
  /** Ends of the interval, in percent as well. */
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  readonly confidencePercent: number;
  readonly seed: number;
  readonly resamples: number;
}

const DEFAULTS: BootstrapOptions = { confidencePercent: 95, seed: 1, resamples: 1_000 };

/**
 * The lift of one metric over a reference on the same cases.
 *
 * @param values by case, reference: of the same cases in the same order
 * @param actors by case, any number that tells actors apart
 * @returns `null` where the reference is 0 throughout, or there are no cases
 */
export function pairedLift(
  values: Float64Array,
  reference: Float64Array,
  actors: ArrayLike<number>,
  options: Partial<BootstrapOptions> = {},
): Lift | null {
  const { confidencePercent, seed, resamples } = { ...DEFAULTS, ...options };
  const places = new Map<number, number>();
  const [sums, references] = [new Float64Array(values.length), new Float64Array(values.length)];
  for (let at = 0; at < values.length; at += 1) {
    const actor = actors[at] as number;
    const place = places.get(actor) ?? places.size;
    places.set(actor, place);
    sums[place] = (sums[place] as number) + (values[at] as number);
    references[place] = (references[place] as number) + (reference[at] as number);
  }
  const count = places.size;
  const total = sum(references);
  if (!(total > 0)) return null;
  const random = xoroshiro128plus(seed);
  const lifts = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample += 1) {
    let drawn = 0;
    let drawnReference = 0;
    for (let draw = 0; draw < count; draw += 1) {
      const place = Math.floor(((random.next() >>> 0) / 2 ** 32) * count);
      drawn += sums[place] as number;
      drawnReference += references[place] as number;
    }
    lifts[resample] = drawnReference > 0 ? drawn / drawnReference - 1 : 0;
  }
  lifts.sort();
  const tail = (1 - confidencePercent / 100) / 2;
  return {
    percent: 100 * (sum(sums) / total - 1),
    low: 100 * quantile(lifts, tail),
    high: 100 * quantile(lifts, 1 - tail),
  };
}

/** Ends of the interval of a mean over cases. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * @param values by case, at least one
 * @param actors by case, any number that tells actors apart
 */
export function meanInterval(
  values: Float64Array,
  actors: ArrayLike<number>,
  options: Partial<BootstrapOptions> = {},
): Interval {
  // Over a reference of 1 throughout, a lift is the mean.
  const lift = pairedLift(values, new Float64Array(values.length).fill(1), actors, options);
  const mean = (percent: number) => 1 + percent / 100;
  return { low: mean(lift?.low ?? -100), high: mean(lift?.high ?? -100) };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** @param sorted ascending, not empty */
function quantile(sorted: Float64Array, level: number): number {
  const place = level * (sorted.length - 1);
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}
