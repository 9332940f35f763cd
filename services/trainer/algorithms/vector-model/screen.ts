/**
 * Which items may be among the best for a vector, by numbers of 16 bits: most are out after a quarter or half of their
 * factors, since what is left of a product is at most the product of the rests' lengths; and items are in the order of
 * their lengths, so that a vector is done with those that are too short (LEMP: Teflioudi, Gemulla, Mykytiuk, SIGMOD 2015).
 * No item is lost by it: what rounding may have taken is allowed for.
 */
import type { FactorMemory } from "../../../scoring/index.ts";

/** Rows that the kernel `screen` looks at together, in two panels. */
export const SCREENED_ROWS = 8;
const PANEL = 4;

/** Items in 16 bits, the longest first; addresses in the shared memory, but for numbers. */
export interface ScreenedItems {
  /** As the kernel wants them. */
  readonly panels: number;
  readonly rests: number;
  readonly names: number;
  /** A multiple of SCREENED_ROWS, so the last may be none. */
  readonly rows: number;
  /** Float32: for each row the length of the longest from it on. */
  readonly lengths: number;
  /** What an item's factor was multiplied with. */
  readonly scale: number;
  /** The largest sum of the absolute factors of an item. */
  readonly largestSum: number;
}

/** A vector in 16 bits. */
export interface ScreenedVector extends Lengths {
  readonly scale: number;
  /** How much less than its real product a product of it and an item may come to. */
  readonly margin: number;
}

interface Lengths {
  readonly length: number;
  /** Of its last three quarters, and of its second half. */
  readonly afterQuarter: number;
  readonly afterHalf: number;
}

/** The largest number with which a sum of `factors` products still fits into 32 bits. */
export function largestQuantum(factors: number): number {
  return Math.min(32_767, Math.floor(Math.sqrt((2 ** 31 - 1) / factors)));
}

/**
 * @param items address of `itemCount` rows of `factors` Float32
 * @param factors a multiple of FACTOR_BLOCK
 */
export function screenItems(memory: FactorMemory, items: number, itemCount: number, factors: number): ScreenedItems {
  const rows = Math.ceil(itemCount / SCREENED_ROWS) * SCREENED_ROWS;
  const panels = memory.take(rows * factors * 2);
  const [rests, names, lengths] = [memory.take(rows * 8), memory.take(rows * 4), memory.take(rows * 4)];
  const panelOf = new Int16Array(memory.memory.buffer, panels, rows * factors).fill(0);
  const restOf = memory.floats(rests, rows * 2).fill(0);
  const nameOf = memory.ints(names, rows).fill(-1);
  const lengthOf = memory.floats(lengths, rows).fill(0);
  const numbers = memory.floats(items, itemCount * factors);
  const scale = scaleOf(numbers, factors);
  const row = new Int16Array(factors);
  let largestSum = 0;
  for (const [place, item] of byLength(numbers, itemCount, factors).entries()) {
    largestSum = Math.max(largestSum, quantise(numbers.subarray(item * factors, (item + 1) * factors), scale, row));
    const first = Math.floor(place / PANEL) * PANEL;
    const column = place % PANEL;
    for (let factor = 0; factor < factors; factor += 2) {
      const into = first * factors + factor * PANEL + column * 2;
      panelOf[into] = row[factor] as number;
      panelOf[into + 1] = row[factor + 1] as number;
    }
    const { length, afterQuarter, afterHalf } = lengthsOf(row);
    restOf[first * 2 + column] = afterQuarter;
    restOf[first * 2 + PANEL + column] = afterHalf;
    nameOf[place] = item;
    lengthOf[place] = length;
  }
  // Of two items of nearly one length the second may be the longer one in 16 bits.
  for (let place = itemCount - 2; place >= 0; place -= 1) {
    lengthOf[place] = Math.max(lengthOf[place] as number, lengthOf[place + 1] as number);
  }
  return { panels, rests, names, rows, lengths, scale, largestSum };
}

/** @param into the vector in 16 bits, as many numbers as `vector` has */
export function screenVector(vector: Float32Array, { largestSum }: ScreenedItems, into: Int16Array): ScreenedVector {
  const factors = vector.length;
  const scale = scaleOf(vector, factors);
  const sum = quantise(vector, scale, into);
  // Half a step for each factor of both sides; and what sums of Float32 are off by, at most 2^-24 of each of `factors` terms,
  // four times over.
  const margin = (sum + largestSum) / 2 + factors * largestQuantum(factors) * 2 ** -22 * sum;
  return { ...lengthsOf(into), scale, margin };
}

/** Numbers of items, the longest first. */
function byLength(numbers: Float32Array, itemCount: number, factors: number): Uint32Array {
  const squares = new Float64Array(itemCount);
  for (let item = 0, at = 0; item < itemCount; item += 1) {
    let square = 0;
    for (const end = at + factors; at < end; at += 1) square += (numbers[at] as number) ** 2;
    squares[item] = square;
  }
  return Uint32Array.from(squares.keys()).sort((a, b) => (squares[b] as number) - (squares[a] as number));
}

function scaleOf(numbers: Float32Array, factors: number): number {
  let largest = 0;
  for (let at = 0; at < numbers.length; at += 1) largest = Math.max(largest, Math.abs(numbers[at] as number));
  return largest > 0 ? largestQuantum(factors) / largest : 0;
}

/** @returns the sum of the absolute numbers, rounded up or not */
function quantise(numbers: Float32Array, scale: number, into: Int16Array): number {
  let sum = 0;
  for (let factor = 0; factor < into.length; factor += 1) {
    const scaled = (numbers[factor] as number) * scale;
    const value = Math.round(scaled);
    into[factor] = value;
    sum += Math.max(Math.abs(scaled), Math.abs(value));
  }
  return sum;
}

function lengthsOf(row: Int16Array): Lengths {
  const quarter = row.length / 4;
  const square = (from: number, to: number) => {
    let sum = 0;
    for (let factor = from; factor < to; factor += 1) sum += (row[factor] as number) ** 2;
    return sum;
  };
  const [first, second, half] = [square(0, quarter), square(quarter, 2 * quarter), square(2 * quarter, row.length)];
  return {
    length: Math.sqrt(first + second + half),
    afterQuarter: Math.sqrt(second + half),
    afterHalf: Math.sqrt(half),
  };
}
