/**
 * Spans of OpenTelemetry around the work of a role. Until `startTracing` has found a receiver, none of this does anything:
 * work runs as if it stood alone.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";

export { type Context, type Link, ROOT_CONTEXT, SpanKind } from "@opentelemetry/api";

/** Ended by `endSpan` alone. */
export type Span = Omit<SdkSpan, "end">;

/** The SDK's own would keep a context beside each span: measured, that and asking it costs a fifth of a recorded request. */
const active = new AsyncLocalStorage<Span>();
const NO_SPAN: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

let tracer: Tracer | null = null;
/** Share of work without a recorded parent that begins a trace; `null`: the tracer's sampler is asked. */
let rootShare: number | null = null;
/** Headers that carry a context; `traceparent` among them, unless OTEL_PROPAGATORS names other formats. */
let fields: readonly string[] = [];
/**
 * Spans that were begun and not ended, also before tracing stopped. While there are none, nobody has to be asked which is the
 * active one.
 */
let open = 0;

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
  return open === 0 ? NO_SPAN : (active.getStore() ?? NO_SPAN);
}

/**
 * Runs a step of the work under way in a span of its own, until it returns or its promise settles. Where the work is not
 * recorded, the step is not either: background work makes no traces by itself.
 */
export function inSpan<Result>(name: string, options: SpanOptions, work: (span: Span) => Result): Result {
  const parent = activeSpan();
  return parent.isRecording() ? inStartedSpan(startSpanFrom(contextOf(parent), name, options), work) : work(NO_SPAN);
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
  return tracer !== null && isRecorded(from) ? inStartedSpan(startSpanFrom(from, name, options), work) : work(NO_SPAN);
}

/** Runs work in a span that `startSpanFrom` began, and ends it. */
export function inStartedSpan<Result>(span: Span, work: (span: Span) => Result): Result {
  try {
    const result = withActive(span, work);
    if (!(result instanceof Promise)) {
      endSpan(span);
      return result;
    }
    result.then(
      () => endSpan(span),
      (error: unknown) => endFailed(span, error),
    );
    return result;
  } catch (error) {
    endFailed(span, error);
    throw error;
  }
}

/** Runs work in a span that `startSpanFrom` began and that somebody ends later. */
export function withActive<Result>(span: Span, work: (span: Span) => Result): Result {
  return active.run(span, work, span);
}

function contextOf(span: Span): Context {
  return trace.setSpan(ROOT_CONTEXT, span as SdkSpan);
}

/** Without the message, which may quote a shopper's data: the log has it, under the same trace. */
function endFailed(span: Span, error: unknown): void {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  fail(span, code !== "" ? code : error instanceof Error ? error.name : typeof error);
  endSpan(span);
}

/** @param type a word of a few, such as an error's code */
export function fail(span: Span, type: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** A span that is not the active one: whoever starts it ends it, or runs work in it. The sampler decides. */
export function startSpanFrom(from: Context, name: string, options: SpanOptions): Span {
  if (tracer === null) return NO_SPAN;
  const span = tracer.startSpan(name, options, from);
  if (span.isRecording()) open += 1;
  return span;
}

export function endSpan(span: Span): void {
  if (!span.isRecording()) return;
  (span as SdkSpan).end();
  open -= 1;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the sender of a request or record was tracing, as its headers say. */
export function contextIn(headers: Headers): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Whether headers say anything of that at all. */
export function namesContext(headers: Headers): boolean {
  for (const field of fields) if (headers[field] !== undefined) return true;
  return false;
}

/**
 * What a request with these headers is part of: the trace that they name, or a new one. The sampler still decides when its
 * span is begun; `null`: it would not record it, and was not asked.
 */
export function recordedFrom(headers: Headers): Context | null {
  if (tracer === null) return null;
  const from = namesContext(headers) ? contextIn(headers) : ROOT_CONTEXT;
  return isRecorded(from) ? from : null;
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
  propagation.inject(contextOf(activeSpan()), headers);
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
