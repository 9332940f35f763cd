export type { Range, SearchSpace } from "./space.ts";
export { type Trial, type TuningOptions, type TuningResult, tune } from "./tune.ts";
