import { type DestinationStream, type Logger, pino } from "pino";
import { traceIds } from "./spans.ts";

/** An error in a log line. */
export interface ErrorLine {
  readonly type: string;
  /** Of errors that are types with a code, here and in the drivers: what is foreseen to go wrong. */
  readonly code?: string | number;
  readonly message: string;
  /** Of errors without a code, which nobody foresaw. */
  readonly stack?: string;
}

/**
 * What a person needs of an error, without the chain of causes: drivers repeat one message through several of them,
 * with a stack trace each.
 */
export function errorLine(error: unknown): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { name: type, message, stack } = error;
  const code = "code" in error ? error.code : undefined;
  if ((typeof code === "string" && code !== "") || typeof code === "number") return { type, code, message };
  return { type, message, ...(stack === undefined ? {} : { stack }) };
}

/**
 * JSON lines; an error under `err` becomes an ErrorLine, and what is said within a span carries its `trace_id` and
 * `span_id`. On standard error, when no destination is given.
 */
export function createLogger(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino({ level, base: null, serializers: { err: errorLine }, mixin: traceIds }, destination);
}
