/** The operator of RecommenderPipelines. */
export { allChildren, type Compiled, compile, planOf } from "./compile.ts";
export { leaseRights, pipelineRights, type Rule } from "./rights.ts";
export { LEASE_NAME, type OperatorOptions, type RunningOperator, startOperator } from "./run.ts";
export type { OperatorSettings } from "./settings.ts";
