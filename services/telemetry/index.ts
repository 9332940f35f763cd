export { createLogger, errorLine } from "./logger.ts";
export { objectiveGauge } from "./objectives.ts";
export { type ProcessIdentity, processRegistry } from "./registry.ts";
export {
  activeSpan,
  type Context,
  contextHeaders,
  contextIn,
  endSpan,
  fail,
  inSpan,
  inSpanFrom,
  inStartedSpan,
  isTracing,
  type Link,
  namesContext,
  ROOT_CONTEXT,
  recordedFrom,
  type Span,
  SpanKind,
  sampledIn,
  startSpanFrom,
  withActive,
} from "./spans.ts";
export { startTracing, type TracingOptions, tracingVariables } from "./tracing.ts";
