/** How a model scores items: the same code when it is judged and when it is served. */

export {
  blended,
  type Candidates,
  candidatesOf,
  featureCount,
  featureNames,
  type ModelList,
  withNewcomers,
} from "./blend.ts";
export { FACTOR_BLOCK, FactorMemory, FactorMemoryError, factorKernels, type Kernels } from "./factor-kernels.ts";
export { type FactorParameters, FactorScorer, FOLD_IN_SWEEPS, ridgeOf } from "./factor-scorer.ts";
export { addUpGramian, GRAMIAN_PARTS, rowsPerPart } from "./gramian.ts";
export { type Asker, ITEM_FEATURE_NAMES, type ItemFeatureRow, ItemFeatures } from "./item-features.ts";
export { bucketsOf, CONTEXT_DIMENSIONS, HOURS_OF_PART, PARTS_OF_DAY, type RequestContext } from "./request-context.ts";
export { type PastSession, type SessionIndex, sessionIndex } from "./session-index.ts";
export { type SessionParameters, SessionScorer } from "./session-neighbours.ts";
export { TopList } from "./top-list.ts";
export { historyVector, type TowerParameters, TowerScorer } from "./tower-scorer.ts";
