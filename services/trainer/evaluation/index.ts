export {
  type AlgorithmResult,
  type EvaluationOptions,
  type EvaluationReport,
  evaluate,
  PROTOCOLS,
  type Protocol,
} from "./evaluate.ts";
export { DataSetError, type DataSetFault } from "./fault.ts";
export { FILE_FORMATS, type FileFormat } from "./file.ts";
export { type DataSetFiles, findDataSet } from "./layouts.ts";
export type { Holdout } from "./split.ts";
export type { Tuned } from "./tune-all.ts";
