export type { Algorithm } from "./algorithms/algorithm.ts";
export { ALGORITHM_NAMES, ALGORITHMS, createAlgorithms, UnknownAlgorithmError } from "./algorithms/index.ts";
export { REFERENCE_NEIGHBOURS } from "./algorithms/item-neighbours/index.ts";
export * from "./evaluation/index.ts";
export type { Lift } from "./judging/bootstrap.ts";
export { METRIC_NAMES } from "./judging/metrics.ts";
export {
  type TrainedVersion,
  type TrainingDependencies,
  type TrainingLog,
  type TrainingOptions,
  type TrainingProgress,
  type TrainingResult,
  train,
} from "./train.ts";
export { STATEMENT_BYTES } from "./work-tables.ts";
