/** Lessons of some actors that are taught at once: what is right for one is wrong for the others. */
import type { FactorMemory } from "../../../scoring/index.ts";
import { type Lesson, PLACES } from "./histories.ts";
import type { BatchMemory } from "./job.ts";

export interface Batch {
  readonly lessons: readonly Lesson[];
  /** Items that are right for someone, and some by chance, each once. */
  readonly candidates: readonly number[];
}

/** What a batch may hold; actors: a multiple of 32. */
export interface BatchLimits {
  readonly actors: number;
  /** That are right for someone. */
  readonly candidates: number;
  /** Candidates that are drawn beside them. */
  readonly negatives: number;
  readonly entries: number;
}

/** Of a lesson there are less than a thousand targets and inputs. */
const ROOM = 1024;

/**
 * Fills batches until one of the limits is reached.
 *
 * @param negative draws an item to tell from the right ones
 */
export function* batches(lessons: Iterable<Lesson>, limits: BatchLimits, negative: () => number): Generator<Batch> {
  let chosen: Lesson[] = [];
  let candidates = new Set<number>();
  let entries = 0;
  const filled = (): Batch => {
    for (let drawn = 0; drawn < limits.negatives; drawn += 1) candidates.add(negative());
    return { lessons: chosen, candidates: [...candidates] };
  };
  for (const lesson of lessons) {
    chosen.push(lesson);
    for (const item of lesson.targets) candidates.add(item);
    entries += lesson.items.length;
    if (chosen.length === limits.actors || candidates.size >= limits.candidates || entries >= limits.entries) {
      yield filled();
      chosen = [];
      candidates = new Set();
      entries = 0;
    }
  }
  // One actor alone has no one else's items to tell its own from.
  if (chosen.length > 1) yield filled();
}

/** @throws FactorMemoryError */
export function batchMemory(memory: FactorMemory, limits: BatchLimits, factors: number): BatchMemory {
  const actors = limits.actors;
  const candidates = (limits.candidates + limits.negatives + ROOM + 31) & ~31;
  const entries = limits.entries + ROOM;
  const targets = limits.actors * ROOM;
  const take = (numbers: number) => memory.take(numbers * 4);
  // Not a power of two: columns that are read downwards would share the places of a cache.
  const apart = (candidates + 16) * 4;
  return {
    inputStarts: take(actors + 1),
    inputItems: take(entries),
    inputWeights: take(entries),
    inputPlaces: take(entries),
    inputActors: take(entries),
    shares: take(entries),
    targetStarts: take(actors + 1),
    targetSlots: take(targets),
    ignoredStarts: take(actors + 1),
    ignoredSlots: take(entries),
    candidateItems: take(candidates),
    corrections: take(candidates),
    candidates: take(candidates * factors),
    rowItems: take(entries),
    rowStarts: take(entries + 1),
    rowEntries: take(entries),
    actors: take(actors * factors),
    actorLengths: take(actors),
    actorGradients: take(actors * factors),
    placeGradients: take(actors * PLACES),
    losses: take(actors),
    logits: memory.take(actors * apart),
    apart,
    candidateGradients: take(candidates * factors),
    rowGradients: take(entries * factors),
  };
}

/**
 * Writes a batch to its memory, but for the candidates' vectors.
 *
 * @param correction of an item: the logarithm of how often a batch holds it
 * @returns number of known items
 */
export function writeBatch(
  memory: FactorMemory,
  at: BatchMemory,
  { lessons, candidates }: Batch,
  correction: (item: number) => number,
): number {
  const entryCount = lessons.reduce((sum, lesson) => sum + lesson.items.length, 0);
  const slotOf = new Map(candidates.map((item, slot) => [item, slot]));
  memory.ints(at.candidateItems, candidates.length).set(candidates);
  memory.floats(at.corrections, candidates.length).set(candidates.map(correction));
  const inputStarts = memory.ints(at.inputStarts, lessons.length + 1);
  const inputItems = memory.ints(at.inputItems, entryCount);
  const inputWeights = memory.floats(at.inputWeights, entryCount);
  const inputPlaces = memory.ints(at.inputPlaces, entryCount);
  const inputActors = memory.ints(at.inputActors, entryCount);
  const targetStarts = memory.ints(at.targetStarts, lessons.length + 1);
  const ignoredStarts = memory.ints(at.ignoredStarts, lessons.length + 1);
  const targets: number[] = [];
  const ignored: number[] = [];
  const rows = new Map<number, number[]>();
  let entry = 0;
  for (const [actor, lesson] of lessons.entries()) {
    inputStarts[actor] = entry;
    targetStarts[actor] = targets.length;
    ignoredStarts[actor] = ignored.length;
    for (const item of lesson.targets) targets.push(slotOf.get(item) as number);
    for (const [number, item] of lesson.items.entries()) {
      inputItems[entry] = item;
      inputWeights[entry] = lesson.weights[number] as number;
      inputPlaces[entry] = lesson.places[number] as number;
      inputActors[entry] = actor;
      const slot = slotOf.get(item);
      if (slot !== undefined) ignored.push(slot);
      const row = rows.get(item);
      if (row === undefined) rows.set(item, [entry]);
      else row.push(entry);
      entry += 1;
    }
  }
  inputStarts[lessons.length] = entry;
  targetStarts[lessons.length] = targets.length;
  ignoredStarts[lessons.length] = ignored.length;
  memory.ints(at.targetSlots, targets.length).set(targets);
  memory.ints(at.ignoredSlots, ignored.length).set(ignored);
  memory.ints(at.rowItems, rows.size).set([...rows.keys()]);
  const rowStarts = memory.ints(at.rowStarts, rows.size + 1);
  const rowEntries = memory.ints(at.rowEntries, entryCount);
  let row = 0;
  let start = 0;
  for (const entries of rows.values()) {
    rowStarts[row] = start;
    rowEntries.set(entries, start);
    start += entries.length;
    row += 1;
  }
  rowStarts[row] = start;
  return rows.size;
}
