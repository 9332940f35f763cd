export { createLogger, errorLine } from "./logger.ts";
export { startTracing } from "./tracing.ts";
