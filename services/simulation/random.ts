import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

const TWO_POW_MINUS_32 = 2 ** -32;

/** What a stream of draws is for: streams of different purposes never share a seed. */
export const STREAM = {
  item: 1,
  shopper: 2,
  interest: 3,
  slot: 4,
  session: 5,
  stock: 6,
  department: 7,
} as const;

/** 32 well-mixed bits of some integers (MurmurHash3's rounds), for seeds and for draws that need no stream. */
export function hash(...values: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const value of values) {
    // Both halves of integers above 2^32.
    state = mix(state ^ (value | 0));
    state = mix(state ^ Math.floor(value * TWO_POW_MINUS_32));
  }
  return state >>> 0;
}

function mix(value: number): number {
  let bits = (Math.imul(value, 0xcc9e2d51) + 0xe6546b64) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** The draws of one seeded stream (xoroshiro128+): the same integers give the same draws on every machine. */
export class Random {
  readonly #generator: RandomGenerator;

  constructor(...seed: readonly number[]) {
    this.#generator = xoroshiro128plus(hash(...seed));
    // The first outputs still show the seed's own bits.
    for (let draw = 0; draw < 4; draw += 1) this.#generator.next();
  }

  /** Uniform in [0, 1), 32 bits. */
  uniform(): number {
    return (this.#generator.next() >>> 0) * TWO_POW_MINUS_32;
  }

  /** Uniform integer in [0, below). */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** @throws RangeError when the list is empty */
  pick<T>(list: readonly T[]): T {
    const picked = list[this.integer(list.length)];
    if (picked === undefined) throw new RangeError("cannot pick from an empty list");
    return picked;
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    return Math.sqrt(this.exponential(2)) * Math.cos(2 * Math.PI * this.uniform());
  }

  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal());
  }

  /** Knuth's product of uniforms; above a mean of 30 the rounded normal that it approaches. */
  poisson(mean: number): number {
    if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count += 1;
    return count;
  }
}
