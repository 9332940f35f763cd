export {
  type TrainedVersion,
  type TrainingDependencies,
  type TrainingLog,
  type TrainingOptions,
  type TrainingProgress,
  type TrainingResult,
  train,
} from "./train.ts";
