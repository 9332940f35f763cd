/** The best items for vectors, by their product with the items' vectors. */
import { TopList } from "../../../scoring/index.ts";
import type { Seat } from "./seat.ts";
import type { Job } from "./team.ts";

/**
 * The best rows of `other` for each of `vectors` (of which there are up to three more than rows, of any content):
 * `length` numbers each, -1 where there are no more with a score above 0. Addresses in the shared memory, but for counts.
 */
export interface RankJob extends Job {
  readonly kind: "rank";
  readonly factors: number;
  readonly vectors: number;
  readonly other: number;
  readonly otherRows: number;
  readonly maskedStarts: number;
  readonly maskedItems: number;
  readonly length: number;
  readonly ranked: number;
  readonly scores: number;
}

/** Rows of `other` that are scored at once: some 128 KiB of factors, which stay in a core's second cache. */
const SCORED_BYTES = 131_072;

export function rankTask(
  { memory, kernels, scratch, scratchBytes }: Seat,
  job: RankJob,
  from: number,
  to: number,
): void {
  const { factors, vectors, other, otherRows, length, ranked, scores } = job;
  const maskedStart = new Int32Array(memory.buffer, job.maskedStarts, job.rows + 1);
  const maskedItems = new Int32Array(memory.buffer, job.maskedItems, maskedStart[job.rows]);
  const lists = Array.from({ length: to - from }, (_, at) => ({
    top: new TopList(length),
    masked: new Set(maskedItems.subarray(maskedStart[from + at], maskedStart[from + at + 1])),
  }));
  const rowsAtOnce = Math.max(
    2,
    Math.min(Math.floor(scratchBytes / 16), Math.floor(SCORED_BYTES / (factors * 4))) & ~1,
  );
  const apart = rowsAtOnce * 4;
  const found = new Float32Array(memory.buffer, scratch, 4 * rowsAtOnce);
  for (let row = 0; row < otherRows; row += rowsAtOnce) {
    const end = Math.min(otherRows, row + rowsAtOnce);
    for (let group = from; group < to; group += 4) {
      kernels.scores(vectors + group * factors * 4, other, row, end, factors, scratch, apart);
      for (let vector = group; vector < Math.min(to, group + 4); vector += 1) {
        const { top, masked } = lists[vector - from] as (typeof lists)[number];
        const start = (vector - group) * rowsAtOnce;
        // Scores above 0 alone, and most of them are below what the list has.
        let least = Math.max(top.least, Number.MIN_VALUE);
        for (let at = 0; at < end - row; at += 1) {
          const score = found[start + at] as number;
          if (score < least || masked.has(row + at)) continue;
          top.add(row + at, score);
          least = Math.max(top.least, Number.MIN_VALUE);
        }
      }
    }
  }
  const rankedOf = new Int32Array(memory.buffer, ranked, job.rows * length);
  const scoreOf = new Float32Array(memory.buffer, scores, job.rows * length);
  for (const [at, { top }] of lists.entries()) {
    const best = top.take();
    const place = (from + at) * length;
    rankedOf.fill(-1, place, place + length);
    rankedOf.set(best.items, place);
    scoreOf.set(best.scores, place);
  }
}
