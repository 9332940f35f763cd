/** One of the threads that work through a job: takes task after task until none is left. */
import { parentPort, workerData } from "node:worker_threads";
import { factorKernels, TopList } from "../../../scoring/index.ts";
import type { Job, WorkerSeat } from "./team.ts";

/** Rows of `other` that are scored at once: some 128 KiB of factors, which stay in a core's second cache. */
const SCORED_BYTES = 131_072;

const { memory, counter, scratch, scratchBytes } = workerData as WorkerSeat;
const kernels = factorKernels(memory);

parentPort?.on("message", (job: Job) => {
  const next = new Int32Array(memory.buffer, counter, 1);
  for (;;) {
    const from = Atomics.add(next, 0, 1) * job.rowsPerTask;
    if (from >= job.rows) break;
    runTask(job, from, Math.min(job.rows, from + job.rowsPerTask));
  }
  parentPort?.postMessage("done");
});

function runTask(job: Job, from: number, to: number): void {
  if (job.kind === "gramian") {
    const partial = job.partials + (from / job.rowsPerTask) * job.factors ** 2 * 4;
    kernels.gramian(job.matrix, from, to, job.factors, partial);
  } else if (job.kind === "solve") {
    const { factors, sweeps, starts, columns, weights, ridges, own, other, gram, unobserved } = job;
    if (kernels.scratchBytes(job.longest) > scratchBytes) throw new RangeError(`a row has ${job.longest} entries`);
    kernels.solve(
      ...([from, to, factors, sweeps, starts, columns, weights, ridges, own, other, gram, unobserved] as const),
      scratch,
    );
  } else {
    rank(job, from, to);
  }
}

function rank(job: Extract<Job, { kind: "rank" }>, from: number, to: number): void {
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
