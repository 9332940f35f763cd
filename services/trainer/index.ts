export type { Algorithm, Parameters } from "./algorithms/algorithm.ts";
export {
  ALGORITHM_NAMES,
  ALGORITHMS,
  createAlgorithms,
  NOT_FOR_USERS,
  UnknownAlgorithmError,
} from "./algorithms/index.ts";
export { REFERENCE_NEIGHBOURS } from "./algorithms/item-neighbours/index.ts";
export * from "./evaluation/index.ts";
export type { Interval, Lift } from "./judging/bootstrap.ts";
export { COHORTS, type Cohort } from "./judging/cohorts.ts";
export { METRIC_NAMES } from "./judging/metrics.ts";
export type { TrainingDependencies, TrainingLog, TrainingOptions, TrainingProgress } from "./options.ts";
export {
  lineage,
  type Moved,
  promote,
  type Registry,
  readRegistry,
  rollBack,
  VersionRefusedError,
} from "./registry.ts";
export { type TrainedVersion, type TrainingResult, train } from "./train.ts";
export { type SearchSpace, type Trial, type TuningOptions, type TuningResult, tune } from "./tuning/index.ts";
export { STATEMENT_BYTES } from "./work-tables.ts";
