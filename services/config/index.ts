/** Resource files: read, checked, with defaults filled in. */
export { type Fault, type Finding, faultText } from "./fault.ts";
export { namesOf, type PipelineNames } from "./names.ts";
export { type ReadPipelines, readPipelines } from "./read.ts";
export { nearest } from "./suggestions.ts";
export { type Validation, validatePipeline } from "./validate.ts";
