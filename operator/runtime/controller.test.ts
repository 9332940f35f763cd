import { context, trace } from "@opentelemetry/api";
import { NodeSDK, tracing } from "@opentelemetry/sdk-node";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { spansTo, traceIds } from "../../services/telemetry/spans.ts";
import { startController } from "./controller.ts";
import { controllerMetrics } from "./metrics.ts";

test("a reconcile is a span, a log line with the resource's key when it fails, and counted by its result", async () => {
  const exporter = new tracing.InMemorySpanExporter();
  const sdk = new NodeSDK({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)], instrumentations: [] });
  sdk.start();
  spansTo(trace.getTracer("test"));
  onTestFinished(async () => {
    spansTo(null);
    await sdk.shutdown();
    trace.disable();
    context.disable();
  });
  const lines: string[] = [];
  const registry = new Registry();
  const done = Promise.withResolvers<void>();
  let looks = 0;
  const traced: object[] = [];
  const queue = startController({
    workers: 2,
    async reconcile(key) {
      looks += 1;
      traced.push(traceIds());
      if (key === "a/bad" && looks === 1) throw new Error("no such thing");
      if (looks === 3) done.resolve();
      return key === "a/later" ? 60_000 : null;
    },
    metrics: controllerMetrics(registry, "test", 2),
    logger: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
    now: () => performance.now(),
    random: () => 0,
  });
  queue.add("a/bad");
  queue.add("a/later");
  await done.promise;
  await queue.stop();

  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name, attributes }) => [name, attributes["productmatcher.resource"]])).toEqual([
    ...[
      ["reconcile", "a/bad"],
      ["reconcile", "a/later"],
      ["reconcile", "a/bad"],
    ],
  ]);
  // Its words are in the log.
  expect(spans[0]?.attributes["error.type"]).toBe("Error");
  expect(spans[0]?.status.message).toBeUndefined();
  expect(traced).toEqual(spans.map((span) => expect.objectContaining({ trace_id: span.spanContext().traceId })));
  expect(JSON.parse(lines[0] ?? "{}")).toMatchObject({ resource: "a/bad", failures: 1, msg: "reconcile failed" });
  const text = await registry.metrics();
  for (const line of [
    'controller_runtime_reconcile_total{controller="test",result="error"} 1',
    'controller_runtime_reconcile_total{controller="test",result="success"} 1',
    'controller_runtime_reconcile_total{controller="test",result="requeue_after"} 1',
    'controller_runtime_reconcile_errors_total{controller="test"} 1',
    'controller_runtime_reconcile_time_seconds_count{controller="test"} 3',
    'workqueue_depth{name="test",controller="test"} 0',
    'workqueue_retries_total{name="test",controller="test"} 1',
    'workqueue_queue_duration_seconds_count{name="test",controller="test"} 3',
    'leader_election_master_status{name="test"} 0',
  ]) {
    expect(text).toContain(line);
  }
});
