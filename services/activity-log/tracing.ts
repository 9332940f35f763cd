/**
 * Traces across the log, by OpenTelemetry's conventions for messaging: whoever appends puts the context of its span into
 * the records' headers, as W3C's `traceparent`; whoever reads goes on in the first trace among them that is recorded, and
 * links to the others.
 */
import {
  type Context,
  contextHeaders,
  contextIn,
  endSpan,
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
} from "../telemetry/index.ts";
import type { ActivityLog, LogRecord, OutgoingRecord } from "./index.ts";

/** Of one batch, that are looked at: one of a consumer that is behind has thousands, and a span for each would hold it up further. */
const MAX_TRACES = 32;
/** OpenTelemetry's own limit for a span. */
const MAX_LINKS = 128;

/**
 * Appends in a span of its own, which the records name. Where nothing is recorded they say nothing: it would cost each
 * record seventy bytes. A record that names a context keeps it.
 */
export function sending(
  system: ActivityLog["system"],
  topic: string,
  records: readonly OutgoingRecord[],
  append: (records: readonly OutgoingRecord[]) => Promise<void>,
): Promise<void> {
  if (!isTracing()) return append(records);
  const options = {
    kind: SpanKind.PRODUCER,
    attributes: { ...messaging(system, "send", records.length), "messaging.destination.name": topic },
  };
  return inSpan(`send ${topic}`, options, (span) => {
    if (!span.isRecording()) return append(records);
    const headers = contextHeaders();
    return append(
      records.map((record) =>
        record.headers !== undefined && namesContext(record.headers)
          ? record
          : { ...record, headers: { ...record.headers, ...headers } },
      ),
    );
  });
}

export interface Processing {
  readonly system: ActivityLog["system"];
  /** `null` for a tail. */
  readonly group: string | null;
  /** When the records came, on `performance`'s clock. Default: now. */
  readonly begunAt?: number;
  /** Where no record names a context, whether the sampler is asked for a trace of the batch's own. */
  readonly alone: boolean;
}

/**
 * Works on a batch of records in one span, which is part of the first trace among theirs that the sampler takes. Each
 * further trace gets a span of the same time that links to it: there are the steps. At most 32 traces are told apart.
 */
export function processing<Result>(
  records: readonly LogRecord[],
  details: Processing,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!isTracing()) return work();
  const { traces, links } = originsOf(records);
  const options = { kind: SpanKind.CONSUMER, links, attributes: attributesOf(records, details), ...timeOf(details) };
  const name = nameOf(records);
  if (traces.length === 0) return details.alone ? inSpanFrom(ROOT_CONTEXT, name, options, work) : work();
  for (const [index, { from }] of traces.entries()) {
    const batch = startSpanFrom(from, name, options);
    if (!batch.isRecording()) continue;
    const beside = besides(traces.slice(index + 1), details, batch);
    return inStartedSpan(batch, async () => {
      try {
        return await work();
      } finally {
        for (const other of beside) endSpan(other);
      }
    });
  }
  return work();
}

interface Origin {
  readonly topic: string;
  readonly from: Context;
}

/** The recorded spans that sent the records, in the order of the records: the first of each trace, and links to them. */
function originsOf(records: readonly LogRecord[]): { readonly traces: Origin[]; readonly links: Link[] } {
  const known = new Set<string>();
  const traces: Origin[] = [];
  const links: Link[] = [];
  for (const { headers, topic } of records) {
    if (traces.length === MAX_TRACES) break;
    if (!namesContext(headers)) continue;
    const from = contextIn(headers);
    const span = sampledIn(from);
    if (span === undefined || known.has(span.spanId)) continue;
    known.add(span.spanId);
    if (links.length < MAX_LINKS) links.push({ context: span });
    if (known.has(span.traceId)) continue;
    known.add(span.traceId);
    traces.push({ topic, from });
  }
  return { traces, links };
}

function besides(others: readonly Origin[], details: Processing, batch: Span): Span[] {
  const links = [{ context: batch.spanContext() }];
  return others.map(({ topic, from }) => {
    const attributes = { ...messaging(details.system, "process"), "messaging.destination.name": topic };
    return startSpanFrom(from, `process ${topic}`, { kind: SpanKind.CONSUMER, links, attributes, ...timeOf(details) });
  });
}

function timeOf({ begunAt }: Processing): { readonly startTime?: number } {
  return begunAt === undefined ? {} : { startTime: begunAt };
}

function nameOf(records: readonly LogRecord[]): string {
  const topic = onlyTopic(records);
  return topic === undefined ? "process" : `process ${topic}`;
}

/** `undefined`: there are several. */
function onlyTopic(records: readonly LogRecord[]): string | undefined {
  const topic = records[0]?.topic;
  return records.every((record) => record.topic === topic) ? topic : undefined;
}

function attributesOf(records: readonly LogRecord[], { system, group }: Processing): Record<string, string | number> {
  const topic = onlyTopic(records);
  const [record] = records;
  return {
    ...messaging(system, "process", records.length),
    ...(topic === undefined ? {} : { "messaging.destination.name": topic }),
    ...(group === null ? {} : { "messaging.consumer.group.name": group }),
    ...(records.length !== 1 || record === undefined
      ? {}
      : { "messaging.destination.partition.id": String(record.partition), "messaging.kafka.offset": record.offset }),
  };
}

function messaging(system: ActivityLog["system"], operation: "send" | "process", count?: number) {
  return {
    "messaging.system": system,
    "messaging.operation.name": operation,
    "messaging.operation.type": operation,
    ...(count === undefined ? {} : { "messaging.batch.message_count": count }),
  };
}
