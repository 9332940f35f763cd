/** What the threads of the towers are asked for, and where a batch stands in the shared memory. */
import { extname } from "node:path";
import type { FactorMemory } from "../../../scoring/index.ts";
import type { RankJob } from "../vector-model/rank-task.ts";
import { type Job, Team } from "../vector-model/team.ts";

/** Addresses in the shared memory. Int32 and Float32; what is by row of a list has `starts` with one more number. */
export interface BatchMemory {
  /** By actor: its known entries. */
  readonly inputStarts: number;
  /** By entry. */
  readonly inputItems: number;
  readonly inputWeights: number;
  readonly inputPlaces: number;
  readonly inputActors: number;
  /** Shares of the entries in their actor's vector; the forward pass writes them. */
  readonly shares: number;
  /** By actor: the candidates that are right, and those that are neither right nor wrong. */
  readonly targetStarts: number;
  readonly targetSlots: number;
  readonly ignoredStarts: number;
  readonly ignoredSlots: number;
  /** By candidate. */
  readonly candidateItems: number;
  readonly corrections: number;
  /** Their vectors. */
  readonly candidates: number;
  /** Items that are known of some actor, and the entries of each. */
  readonly rowItems: number;
  readonly rowStarts: number;
  readonly rowEntries: number;
  /** By actor: its vector scaled to length 1, its length before, and the gradient by what it was before. */
  readonly actors: number;
  readonly actorLengths: number;
  readonly actorGradients: number;
  readonly placeGradients: number;
  readonly losses: number;
  /** Actors x candidates: products, then the gradient by these. */
  readonly logits: number;
  /** Bytes from one actor's logits to the next one's. */
  readonly apart: number;
  readonly candidateGradients: number;
  readonly rowGradients: number;
}

/** Addresses of what is learned. */
export interface TowerMemory {
  /** `factors` numbers each. */
  readonly items: number;
  /** Sums of squared gradients, by item. */
  readonly squares: number;
  /** By place in a history. */
  readonly places: number;
}

interface BatchJob extends Job {
  readonly factors: number;
  readonly batch: BatchMemory;
  readonly towers: TowerMemory;
  readonly actorCount: number;
  readonly candidateCount: number;
}

export type NeuralJob =
  | RankJob
  /** By actor: vector, products with the candidates, loss, and the gradient by the vector. */
  | (BatchJob & { readonly kind: "forward"; readonly temperature: number })
  /** By candidate, then by known item: gradient, and a step down it. */
  | (BatchJob & { readonly kind: "candidates"; readonly rate: number })
  | (BatchJob & { readonly kind: "inputs"; readonly rate: number });

/** @param scratchBytes that each thread has for itself */
export function neuralTeam(memory: FactorMemory, scratchBytes: number, threads?: number) {
  const program = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  return new Team<NeuralJob>(program, memory, scratchBytes, threads);
}
