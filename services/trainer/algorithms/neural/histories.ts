/** What actors did, in order, and how it becomes lessons: from the one part, guess the other. */
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { type Matrix, RECENT_ITEMS } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";

/** Entries of actor `a` stand at `starts[a]` up to `starts[a + 1]`: the newest RECENT_ITEMS in order, then the others. */
export interface Histories {
  readonly starts: Int32Array;
  readonly items: Int32Array;
  /** Relative to the actor's largest. */
  readonly weights: Float32Array;
}

/** A history's part that is known, and items of the part that is to be guessed. */
export interface Lesson {
  readonly items: readonly number[];
  readonly weights: readonly number[];
  /** Of `items`: 0 the newest. */
  readonly places: readonly number[];
  readonly targets: readonly number[];
}

/** Places of a history that are told apart: the newest ones each, and all that is older. */
export const PLACES = RECENT_ITEMS + 1;

/** Of a lesson: more is left out by chance, so that a batch is bounded. */
const MOST_TARGETS = 64;
const MOST_INPUTS = 256;

const ENTRIES_PER_PAGE = 200_000;

/** @throws ClickHouseError */
export async function readHistories(work: WorkTables, matrix: Matrix): Promise<Histories> {
  const { actorCount, entryCount } = matrix;
  const starts = new Int32Array(actorCount + 1);
  const items = new Int32Array(entryCount);
  const weights = new Float32Array(entryCount);
  const limit = Math.max(1, Math.floor((ENTRIES_PER_PAGE * actorCount) / Math.max(1, entryCount)));
  let actor = 0;
  for (let after = ""; ; ) {
    const page = await work.clickhouse.query<{ actor_id: string; items: number[]; weights: number[] }>(
      `SELECT actor_id, entries.2 AS items, entries.3 AS weights
       FROM (
         SELECT actor_id, arraySort(arrayMap((item, weight) -> (
           if(has(recent, item), indexOf(recent, item), ${PLACES}), item, toFloat32(weight / arrayMax(weights))
         ), items, weights)) AS entries
         FROM ${matrix.histories} WHERE actor_id > {after:String} ORDER BY actor_id LIMIT {limit:UInt32}
       )
       ORDER BY actor_id`,
      { after, limit },
    );
    for (const row of page) {
      const start = starts[actor] as number;
      items.set(row.items, start);
      weights.set(row.weights, start);
      actor += 1;
      starts[actor] = start + row.items.length;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < limit) break;
    after = last.actor_id;
  }
  return { starts, items, weights };
}

/**
 * With an order, what came after a moment is guessed from what came before it; without one, a random part from the rest.
 *
 * @param ordered whether the newest entries come in the order of time
 * @param ahead items after the moment that are to be guessed
 * @param kept share of the known entries that a lesson shows: each must do without some of the others
 * @returns `undefined` for an actor with less than two items
 */
export function lessonOf(
  { starts, items, weights }: Histories,
  actor: number,
  ordered: boolean,
  ahead: number,
  kept: number,
  random: RandomGenerator,
): Lesson | undefined {
  const start = starts[actor] as number;
  const length = (starts[actor + 1] as number) - start;
  if (length < 2) return undefined;
  if (ordered) {
    const moment = 1 + below(random, Math.min(RECENT_ITEMS, length - 1));
    const known = Array.from({ length: Math.min(MOST_INPUTS, length - moment) }, (_, at) => start + moment + at);
    const shown = known.filter(() => uniform(random) < kept);
    if (shown.length === 0) shown.push(known[below(random, known.length)] as number);
    return {
      items: shown.map((at) => items[at] as number),
      weights: shown.map((at) => weights[at] as number),
      places: shown.map((at) => Math.min(at - start - moment, RECENT_ITEMS)),
      targets: [...items.subarray(start + Math.max(0, moment - ahead), start + moment)],
    };
  }
  const shuffled = shuffle(
    Int32Array.from({ length }, (_, at) => start + at),
    random,
  );
  const targets = shuffled.subarray(0, Math.min(MOST_TARGETS, Math.max(1, Math.floor(length / 2))));
  const known = [...shuffled.subarray(targets.length, targets.length + MOST_INPUTS)];
  return {
    items: known.map((at) => items[at] as number),
    weights: known.map((at) => weights[at] as number),
    places: known.map(() => RECENT_ITEMS),
    targets: Array.from(targets, (at) => items[at] as number),
  };
}

/** In its place, by Fisher and Yates. */
export function shuffle(values: Int32Array, random: RandomGenerator): Int32Array {
  for (let at = values.length - 1; at > 0; at -= 1) {
    const other = below(random, at + 1);
    const value = values[at] as number;
    values[at] = values[other] as number;
    values[other] = value;
  }
  return values;
}

/** A whole number of 0 up to, without, `bound`. */
export function below(random: RandomGenerator, bound: number): number {
  return Math.floor(uniform(random) * bound);
}

/** 0 to 1, without the 1. */
function uniform(random: RandomGenerator): number {
  return (random.next() >>> 0) / 2 ** 32;
}
