/** What the threads of a low-pass filter are asked for. */
import { extname } from "node:path";
import type { FactorMemory } from "../../../scoring/index.ts";
import type { GramianJob } from "../vector-model/gramian.ts";
import { type Job, Team } from "../vector-model/team.ts";

/** Rows of a task, whose products a thread has room for. A multiple of 4, as the kernel `product` wants. */
export const TASK_ROWS = 64;

/** Addresses in the shared memory, but for counts. */
export type LowPassJob =
  | GramianJob
  | (Job & {
      /** Rows of a sparse matrix, times a matrix of `factors` columns. */
      readonly kind: "multiply";
      readonly factors: number;
      readonly starts: number;
      readonly columns: number;
      readonly weights: number;
      readonly other: number;
      readonly into: number;
    })
  | (Job & {
      /** Rows of `matrix` (which has up to three more, of any content), times a square, in their place. */
      readonly kind: "transform";
      readonly factors: number;
      readonly matrix: number;
      readonly square: number;
    });

/** @param scratchBytes that each thread has for itself */
export function lowPassTeam(memory: FactorMemory, scratchBytes: number, threads?: number) {
  const program = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  return new Team<LowPassJob>(program, memory, scratchBytes, threads);
}
