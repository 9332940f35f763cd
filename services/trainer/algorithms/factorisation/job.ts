/** What the threads of a factorisation are asked for. */
import { extname } from "node:path";
import type { FactorMemory } from "../../../scoring/index.ts";
import type { GramianJob } from "../vector-model/gramian.ts";
import type { RankJob } from "../vector-model/rank-task.ts";
import { type Job, Team } from "../vector-model/team.ts";

/** Addresses in the shared memory, but for counts. */
export type FactorisationJob =
  | RankJob
  | GramianJob
  | (Job & {
      /** As the kernel `solve` does. */
      readonly kind: "solve";
      readonly factors: number;
      readonly sweeps: number;
      readonly starts: number;
      readonly columns: number;
      readonly weights: number;
      readonly longest: number;
      readonly ridges: number;
      readonly own: number;
      readonly other: number;
      readonly gram: number;
      readonly unobserved: number;
    });

/** @param scratchBytes that each thread has for itself */
export function factorisationTeam(memory: FactorMemory, scratchBytes: number, threads?: number) {
  const program = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  return new Team<FactorisationJob>(program, memory, scratchBytes, threads);
}
