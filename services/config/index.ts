/** Resource files: read, checked, with defaults filled in. */
export { knownFields, withDefaults, withoutDefaults } from "./defaults.ts";
export { type Fault, type Finding, faultText, pathText } from "./fault.ts";
export { defaultPrefix, namesOf, type PipelineNames } from "./names.ts";
export { type ReadPipelines, readPipelines } from "./read.ts";
export {
  CONFIG_VERSION,
  CONFIG_VERSION_ANNOTATION,
  ConfigVersionError,
  isRoleFile,
  LIVE_FILE,
  ROLE_FILE,
} from "./role-file.ts";
export { nearest } from "./suggestions.ts";
export { type Validation, validatePipeline } from "./validate.ts";
