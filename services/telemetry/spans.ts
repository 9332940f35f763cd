/**
 * Spans of OpenTelemetry around the work of a role. Until `startTracing` has found a receiver, none of this does anything:
 * work runs as if it stood alone.
 */
import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";

export { type Context, type Link, ROOT_CONTEXT, type Span, SpanKind } from "@opentelemetry/api";

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

let tracer: Tracer | null = null;
/** Share of work without a recorded parent that begins a trace; `null`: the tracer's sampler is asked. */
let rootShare: number | null = null;
/** Headers that carry a context; `traceparent` among them, unless OTEL_PROPAGATORS names other formats. */
let fields: readonly string[] = [];

/**
 * Who makes the spans of this process from now on; `null`: nobody.
 *
 * @param share of work that comes without a context and is to be recorded, where a context that comes along decides by
 * itself: the others then cost nothing, not even an id. `null`: the tracer's sampler is asked each time
 */
export function spansTo(next: Tracer | null, share: number | null = null): void {
  tracer = next;
  rootShare = share;
  fields = propagation.fields();
}

function isRecorded(from: Context): boolean {
  if (rootShare === null) return true;
  const parent = from === ROOT_CONTEXT ? undefined : trace.getSpanContext(from);
  return parent === undefined ? Math.random() < rootShare : (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
}

export function isTracing(): boolean {
  return tracer !== null;
}

/** That of the work under way; one that takes and keeps nothing where there is none. */
export function activeSpan(): Span {
  return tracer === null ? NO_SPAN : (trace.getActiveSpan() ?? NO_SPAN);
}

/**
 * Runs a step of the work under way in a span of its own, until it returns or its promise settles. Where the work is not
 * recorded, the step is not either: background work makes no traces by itself.
 */
export function inSpan<Result>(name: string, options: SpanOptions, work: (span: Span) => Result): Result {
  if (tracer === null) return work(NO_SPAN);
  const parent = context.active();
  return trace.getSpan(parent)?.isRecording() === true ? run(tracer, name, options, parent, work) : work(NO_SPAN);
}

/**
 * Runs work that came from elsewhere, in a span that belongs to what its sender was tracing. The sampler decides.
 *
 * @param from contextIn of what came with it; ROOT_CONTEXT: the first span of a trace
 */
export function inSpanFrom<Result>(
  from: Context,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Result,
): Result {
  return tracer !== null && isRecorded(from) ? run(tracer, name, options, from, work) : work(NO_SPAN);
}

function run<Result>(
  by: Tracer,
  name: string,
  options: SpanOptions,
  parent: Context,
  work: (span: Span) => Result,
): Result {
  return inStartedSpan(by.startSpan(name, options, parent), parent, work);
}

/** Runs work in a span that `startSpanFrom` began, and ends it. @param from what the span was begun from */
export function inStartedSpan<Result>(span: Span, from: Context, work: (span: Span) => Result): Result {
  try {
    const result = context.with(trace.setSpan(from, span), work, undefined, span);
    if (!(result instanceof Promise)) {
      span.end();
      return result;
    }
    result.then(
      () => span.end(),
      (error: unknown) => endFailed(span, error),
    );
    return result;
  } catch (error) {
    endFailed(span, error);
    throw error;
  }
}

/** Without the message, which may quote a shopper's data: the log has it, under the same trace. */
function endFailed(span: Span, error: unknown): void {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  fail(span, code !== "" ? code : error instanceof Error ? error.name : typeof error);
  span.end();
}

/** @param type a word of a few, such as an error's code */
export function fail(span: Span, type: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** A span that is not the active one: whoever starts it ends it, or runs work in it. The sampler decides. */
export function startSpanFrom(from: Context, name: string, options: SpanOptions): Span {
  return tracer === null ? NO_SPAN : tracer.startSpan(name, options, from);
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the sender of a request or record was tracing, as its headers say. */
export function contextIn(headers: Headers): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Whether headers say anything of that at all. */
export function namesContext(headers: Headers): boolean {
  return fields.some((field) => headers[field] !== undefined);
}

/** The span that a context names, if its sender records it. */
export function sampledIn(from: Context): SpanContext | undefined {
  const found = trace.getSpanContext(from);
  const isSampled = found !== undefined && isSpanContextValid(found) && (found.traceFlags & TraceFlags.SAMPLED) !== 0;
  return isSampled ? found : undefined;
}

/** Headers that tell a receiver what is being traced here, without `tracestate`: a stranger's words, kept with each record. */
export function contextHeaders(): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  const { tracestate: _, ...own } = headers;
  return own;
}

/**
 * What a log line carries, so that it is found from the trace and the trace from it. Nothing once the span has ended: a loop
 * that was begun within a request, and goes on for others, is no part of it.
 */
export function traceIds(): { readonly trace_id?: string; readonly span_id?: string } {
  const span = activeSpan();
  if (!span.isRecording()) return {};
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}
