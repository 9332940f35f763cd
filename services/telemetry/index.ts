export { createLogger, errorLine } from "./logger.ts";
export { objectiveGauge } from "./objectives.ts";
export { type ProcessIdentity, processRegistry } from "./registry.ts";
export { startTracing } from "./tracing.ts";
