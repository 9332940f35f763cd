export { createLogger, errorLine } from "./logger.ts";
export { objectiveGauge } from "./objectives.ts";
export { type ProcessIdentity, processRegistry } from "./registry.ts";
export {
  activeSpan,
  type Context,
  contextHeaders,
  contextIn,
  fail,
  inSpan,
  inSpanFrom,
  inStartedSpan,
  isTracing,
  type Link,
  namesContext,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  sampledIn,
  startSpanFrom,
} from "./spans.ts";
export { startTracing, type TracingOptions, tracingVariables } from "./tracing.ts";
