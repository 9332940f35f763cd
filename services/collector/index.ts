/** Takes in over HTTP what a shop knows, and puts it into the activity log. */
export {
  COLLECTOR_LIMITS,
  type CollectorLimits,
  type CollectorOptions,
  collectorSettings,
  DEFAULT_SCOPES,
  type WriteKey,
  type WriteScope,
} from "./options.ts";
export { collectorRouter } from "./router.ts";
