/** How a model scores items: the same code when it is judged and when it is served. */

export {
  blended,
  type Candidates,
  candidatesOf,
  featureCount,
  featureNames,
  type ModelList,
} from "./blend.ts";
export { FACTOR_BLOCK, FactorMemory, FactorMemoryError, factorKernels, type Kernels } from "./factor-kernels.ts";
export { type FactorParameters, FactorScorer, FOLD_IN_SWEEPS, GRAMIAN_PARTS, ridgeOf } from "./factor-scorer.ts";
export { type PastSession, type SessionIndex, sessionIndex } from "./session-index.ts";
export { type SessionParameters, SessionScorer } from "./session-neighbours.ts";
export { TopList } from "./top-list.ts";
export { historyVector, type TowerParameters, TowerScorer } from "./tower-scorer.ts";
