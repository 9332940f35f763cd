/** Traces across the embedded log; across Kafka, with the roles as processes: test/kafka/traces.kafka.test.ts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context, trace } from "@opentelemetry/api";
import { NodeSDK, tracing } from "@opentelemetry/sdk-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { activeSpan, contextIn, inSpanFrom, ROOT_CONTEXT } from "../telemetry/index.ts";
import { spansTo } from "../telemetry/spans.ts";
import { type EmbeddedLog, openEmbeddedLog } from "./embedded/index.ts";
import type { LogRecord } from "./index.ts";
import { processing } from "./tracing.ts";

const { SamplingDecision } = tracing;

let ended: tracing.ReadableSpan[] = [];
const processor: tracing.SpanProcessor = {
  onStart() {},
  onEnd: (span) => void ended.push(span),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const TOPIC = "shop.events";
const GROUP = { system: "productmatcher", group: "shop", alone: true } as const;

/** Of the sampler. */
let decide: (traceId: string) => boolean;
const sampler: tracing.Sampler = {
  shouldSample: (_context, traceId) => ({
    decision: decide(traceId) ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
  }),
  toString: () => "the test decides",
};

let path: string;
let log: EmbeddedLog;
let sdk: NodeSDK;

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), "activity-log-"));
  log = await openEmbeddedLog({ path, partitions: 1 });
  decide = () => true;
  sdk = new NodeSDK({ sampler, spanProcessors: [processor], instrumentations: [], autoDetectResources: false });
  sdk.start();
  spansTo(trace.getTracer("test"));
});
afterEach(async () => {
  spansTo(null);
  await sdk.shutdown();
  ended = [];
  trace.disable();
  context.disable();
  await log.close();
  rmSync(path, { recursive: true });
});

async function append(...keys: readonly string[]): Promise<void> {
  await log.append(
    TOPIC,
    keys.map((key) => ({ key, value: Buffer.from(key), headers: { own: key } })),
  );
}

const click = (key: string) => inSpanFrom(ROOT_CONTEXT, `click ${key}`, {}, () => append(key));

async function read(): Promise<readonly LogRecord[]> {
  const subscription = await log.subscribe({ group: null, topics: [TOPIC], startFrom: "Earliest" });
  try {
    return await subscription.poll({ maxRecords: 1_000, maxBytes: 1_000_000, waitMilliseconds: 0 });
  } finally {
    await subscription.close();
  }
}

const spans = (name: string) => ended.filter((span) => span.name === name);
const idsOf = (name: string) => spans(name).map((span) => span.spanContext());

test("records name the span that sent them, beside what they carry already", async () => {
  await inSpanFrom(ROOT_CONTEXT, "import", {}, () => append("a", "b"));
  const [sent] = idsOf(`send ${TOPIC}`);
  const traceparent = `00-${sent?.traceId}-${sent?.spanId}-01`;
  expect((await read()).map(({ headers }) => headers)).toEqual([
    { own: "a", traceparent },
    { own: "b", traceparent },
  ]);
});

test("what a stranger adds to its context stays out of the log", async () => {
  const from = contextIn({
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate: "vendor=ann@example.org",
  });
  await inSpanFrom(from, "click", {}, () => append("a"));
  const [sent] = idsOf(`send ${TOPIC}`);
  expect(sent?.traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  expect((await read()).map(({ headers }) => headers)).toEqual([
    { own: "a", traceparent: `00-${sent?.traceId}-${sent?.spanId}-01` },
  ]);
});

test("records of work that nobody records say nothing of it", async () => {
  await append("a");
  spansTo(null);
  await inSpanFrom(ROOT_CONTEXT, "import", {}, () => append("b"));
  expect((await read()).map(({ headers }) => headers)).toEqual([{ own: "a" }, { own: "b" }]);
  expect(ended).toEqual([]);
});

test("a record that is sent again stays in the trace of its click", async () => {
  await click("a");
  const [first] = await read();
  await inSpanFrom(ROOT_CONTEXT, "replay", {}, () => log.append(TOPIC, [{ ...first!, timestamp: 0 }]));
  const headers = (await read()).map((record) => record.headers.traceparent);
  expect(headers[1]).toBe(headers[0]);
});

test("a batch belongs to the first trace, the others have a span beside it, and each links to the other", async () => {
  for (const key of ["a", "b", "c"]) await click(key);
  await processing(await read(), GROUP, async () => {});
  const sent = idsOf(`send ${TOPIC}`);
  const processed = spans(`process ${TOPIC}`);
  expect(processed.map((span) => span.parentSpanContext?.spanId).toSorted()).toEqual(
    sent.map(({ spanId }) => spanId).toSorted(),
  );
  const batch = processed.find(({ attributes }) => attributes["messaging.batch.message_count"] === 3);
  expect(batch?.parentSpanContext?.spanId).toBe(sent[0]?.spanId);
  expect(batch?.links.map((link) => link.context.spanId)).toEqual(sent.map(({ spanId }) => spanId));
  for (const span of processed.filter((other) => other !== batch)) {
    expect(span.links.map((link) => link.context.spanId)).toEqual([batch?.spanContext().spanId]);
  }
});

test("one request with many records is one link; of more than 32 traces the first are told apart", async () => {
  await inSpanFrom(ROOT_CONTEXT, "import", {}, () => append("a", "b", "c"));
  await processing(await read(), GROUP, async () => {});
  expect(spans(`process ${TOPIC}`).map(({ links }) => links.length)).toEqual([1]);
  ended = [];
  for (let number = 0; number < 140; number += 1) await click(String(number));
  await processing(await read(), GROUP, async () => {});
  expect(spans(`process ${TOPIC}`)).toHaveLength(32);
});

test("many spans of one trace take no place of other traces", async () => {
  await inSpanFrom(ROOT_CONTEXT, "import", {}, async () => {
    for (let number = 0; number < 140; number += 1) await append(String(number));
  });
  await click("a");
  await processing(await read(), GROUP, async () => {});
  const [imported, clicked] = [idsOf("import")[0], idsOf("click a")[0]];
  expect(spans(`process ${TOPIC}`).map((span) => span.spanContext().traceId)).toEqual([
    clicked?.traceId,
    imported?.traceId,
  ]);
});

test("a trace that the sampler here does not take hides no other of the batch", async () => {
  for (const key of ["a", "b", "c"]) await click(key);
  const [first, second, third] = idsOf(`send ${TOPIC}`).map(({ traceId }) => traceId);
  decide = (traceId) => traceId !== first;
  ended = [];
  let active: string | undefined;
  await processing(await read(), GROUP, async () => {
    active = activeSpan().spanContext().traceId;
  });
  expect(active).toBe(second);
  expect(spans(`process ${TOPIC}`).map((span) => span.spanContext().traceId)).toEqual([third, second]);
  ended = [];
  decide = () => false;
  await processing(await read(), GROUP, async () => {});
  expect(ended).toEqual([]);
});

test("work that fails ends its span with the error's code and without its words", async () => {
  await click("a");
  const failure = Object.assign(new Error("cannot parse ann@example.org"), { code: "27" });
  await expect(processing(await read(), GROUP, () => Promise.reject(failure))).rejects.toBe(failure);
  const [span] = spans(`process ${TOPIC}`);
  expect(span).toMatchObject({ status: { code: 2 }, attributes: { "error.type": "27" } });
  expect(span?.events).toEqual([]);
});

test("records without a context begin a trace where the sampler may be asked, and none elsewhere", async () => {
  await append("a");
  const records = await read();
  await processing(records, { ...GROUP, alone: false }, async () => {});
  expect(ended).toEqual([]);
  await processing(records, GROUP, async () => {});
  expect(spans(`process ${TOPIC}`).map(({ parentSpanContext }) => parentSpanContext)).toEqual([undefined]);
});
