export { createLogger, errorLine } from "./logger.ts";
