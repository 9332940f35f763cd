import type { Logger } from "pino";
import { createLogger } from "../telemetry/index.ts";

/** JSON lines on standard error, of what a role does too, unless PRODUCTMATCHER_LOG names another level. */
export function roleLogger(): Logger {
  return createLogger(process.env.PRODUCTMATCHER_LOG ?? "info");
}
