/** Traces of the roles as processes, across a real broker, as a receiver of OTLP gets them. */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../fixtures/eventually.ts";
import type { RoleProcess } from "../fixtures/role-process.ts";
import { type ReceivedSpan, startTraceReceiver, type TraceReceiver } from "../fixtures/trace-receiver.ts";
import { type FrontProcess, startFrontProcess } from "./front-process.ts";
import { createPipeline, type TestedPipeline } from "./pipeline.ts";
import { broker, describeKafka } from "./suite.ts";

const PATIENCE = { timeout: 60_000, interval: 200 };
const VISITORS = 60;
/** A stop sends what this would keep for an hour. */
const SELDOM = { OTEL_BSP_SCHEDULE_DELAY: "3600000" };
const SOON = { OTEL_BSP_SCHEDULE_DELAY: "200" };

/** What a shop was tracing when somebody clicked. */
interface Origin {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceparent: string;
}

function origin(sampled = true): Origin {
  const [traceId, spanId] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex")];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` };
}

describeKafka("traces", () => {
  let receiver: TraceReceiver;
  let clickhouse: FrontProcess;
  let pipeline: TestedPipeline;
  let collector: RoleProcess;
  let consumer: RoleProcess;
  let recommender: RoleProcess;
  let further: Readonly<Record<string, string>> = SOON;

  beforeAll(async () => {
    receiver = await startTraceReceiver();
    clickhouse = await startFrontProcess({ credentials: { username: "shop", password: "first" } });
    pipeline = createPipeline({
      name: `traces-${randomUUID().slice(0, 8)}`,
      bootstrapServers: broker().plaintext,
      clickhouse: { url: clickhouse.url, username: "shop", password: "first" },
      spec: { training: { minEvents: 50, algorithms: ["itemNeighbours"], evaluation: { holdoutHours: 1 } } },
      // Nothing is recorded but what the shop records: the test's own clicks.
      environment: () => ({
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: "0",
        ...further,
      }),
    });
    await pipeline.job("migrate");
    collector = pipeline.role("collector");
    consumer = pipeline.consume();
    for (let visitor = 0; visitor < VISITORS; visitor += 1) {
      const room = visitor % 2 === 0 ? ["desk", "lamp", "bulb"] : ["pan", "pot", "spoon"];
      for (const itemId of room.slice(0, visitor % 4 < 2 ? 3 : 2)) {
        const occurredAt = new Date(Date.now() - (VISITORS - visitor) * 600_000).toISOString();
        expect(await track({ event: "view", userId: `visitor-${visitor}`, itemId, occurredAt })).toBe(200);
      }
    }
    await eventually(stored, (events) => events === VISITORS * 2.5);
    expect(await pipeline.job("train")).toMatch(/^Promoted/);
    recommender = pipeline.role("serve");
    const readiness = async () => (await fetch(`${await recommender.operations}/readyz`)).status;
    await eventually(readiness, (status) => status === 200);
  }, 240_000);
  afterAll(async () => {
    await pipeline?.remove();
    await clickhouse?.remove();
    await receiver?.close();
  });

  const track = async (body: object, from?: Origin) => {
    const headers = { "content-type": "application/json", ...(from && { traceparent: from.traceparent }) };
    const address = `${await collector.address}/v1/track`;
    return (await fetch(address, { method: "POST", headers, body: JSON.stringify(body) })).status;
  };
  const stored = async () => {
    const [row] = await pipeline.query<{ events: number }>("SELECT toUInt32(count()) AS events FROM activity");
    return row?.events ?? 0;
  };
  const trace = ({ traceId }: Origin) => receiver.spans.filter((span) => span.traceId === traceId);
  /** `service: name`, each below the one that it belongs to. */
  const tree = (spans: readonly ReceivedSpan[], parentId: string): object =>
    Object.fromEntries(
      spans
        .filter((span) => span.parentId === parentId)
        .map((span) => [
          `${span.service.replace("productmatcher-", "")}: ${span.kind} ${span.name}`,
          tree(spans, span.spanId),
        ]),
    );
  const found = (spans: readonly ReceivedSpan[], name: string) => spans.find((span) => span.name === name)!;

  it("hold a click from the shop through collector, Kafka, consumer and ClickHouse to the recommender", async () => {
    const click = origin();
    expect(await track({ event: "view", userId: "visitor-1", itemId: "pan" }, click)).toBe(200);
    const signals = pipeline.topic.replace(/events$/, "signals");
    await expect.poll(() => trace(click).map(({ name }) => name), PATIENCE).toContain(`process ${signals}`);
    await expect.poll(() => trace(click).map(({ name }) => name), PATIENCE).toContain(`process ${pipeline.topic}`);
    const spans = trace(click);
    expect(tree(spans, click.spanId)).toEqual({
      "collector: server POST /v1/track": {
        [`collector: producer send ${pipeline.topic}`]: {
          [`consumer: consumer process ${pipeline.topic}`]: {
            "consumer: internal enrich": {},
            "consumer: internal store": expect.objectContaining({
              "consumer: client INSERT events": {},
              "consumer: internal attribute": expect.objectContaining({ "consumer: client SELECT": {} }),
            }),
            [`consumer: producer send ${signals}`]: { [`recommender: consumer process ${signals}`]: {} },
            "consumer: client commit": {},
          },
        },
      },
    });
    const sent = found(spans, `send ${pipeline.topic}`);
    const batch = found(spans, `process ${pipeline.topic}`);
    expect(batch.links).toEqual([{ traceId: click.traceId, spanId: sent.spanId }]);
    expect(batch.attributes).toMatchObject({
      "messaging.system": "kafka",
      "messaging.operation.type": "process",
      "messaging.destination.name": pipeline.topic,
      "messaging.consumer.group.name": pipeline.group,
      "messaging.batch.message_count": 1,
      "productmatcher.events.stored": 1,
    });
    expect(found(spans, "POST /v1/track").attributes["http.response.status_code"]).toBe(200);
    expect(batch.resource).toMatchObject({
      "service.namespace": "test",
      "productmatcher.pipeline": expect.any(String),
    });
    for (const span of spans) expect(span.to, span.name).toBeGreaterThanOrEqual(span.from);
    // Neither who nor what: a trace is read by more people than the tables.
    expect(JSON.stringify(spans)).not.toMatch(/visitor-1|"pan"/);
  }, 120_000);

  it("hold a request through the state of the user, candidates and ranking", async () => {
    const asked = origin();
    const address = `${await recommender.address}/v1/recommendations/users/visitor-3?limit=2`;
    const ask = (from: Origin) => fetch(address, { headers: { traceparent: from.traceparent } });
    expect((await ask(asked)).status).toBe(200);
    const route = "GET /v1/recommendations/users/{id}";
    await expect.poll(() => trace(asked).map(({ name }) => name), PATIENCE).toContain(route);
    const spans = trace(asked);
    expect(tree(spans, asked.spanId)).toEqual({
      [`recommender: server ${route}`]: {
        "recommender: internal state": { "recommender: client SELECT": {} },
        "recommender: internal ranking": { "recommender: internal candidates": {} },
      },
    });
    expect(found(spans, "candidates").attributes).toMatchObject({
      "productmatcher.model.algorithm": "itemNeighbours",
      "productmatcher.candidates": 2,
    });
    expect(JSON.stringify(spans)).not.toContain("visitor-3");

    const unsampled = origin(false);
    expect((await ask(unsampled)).status).toBe(200);
    const again = origin();
    expect((await ask(again)).status).toBe(200);
    await expect.poll(() => trace(again).map(({ name }) => name), PATIENCE).toEqual([route]);
    expect(found(trace(again), route).attributes["productmatcher.answer.kept"]).toBe(true);
    const other = origin();
    await fetch(`${address}&exclude=pot`, { headers: { traceparent: other.traceparent } });
    await expect.poll(() => trace(other).map(({ name }) => name), PATIENCE).toEqual(["candidates", "ranking", route]);
    expect(trace(unsampled)).toEqual([]);
  }, 120_000);

  it("join each click of a batch: one holds the steps, the others link to it", async () => {
    await consumer.stop();
    const clicks = Array.from({ length: 5 }, () => origin());
    // Of one user: in one partition, so read together.
    for (const click of clicks) expect(await track({ event: "view", userId: "eve", itemId: "desk" }, click)).toBe(200);
    consumer = pipeline.consume();
    const processed = (click: Origin) => trace(click).find(({ name }) => name === `process ${pipeline.topic}`);
    await expect.poll(() => clicks.filter(processed).length, PATIENCE).toBe(clicks.length);
    const spans = clicks.map((click) => processed(click)!);
    const batches = spans.filter(({ attributes }) => "messaging.batch.message_count" in attributes);
    expect(batches).toHaveLength(1);
    const [batch] = batches as [ReceivedSpan];
    expect(batch.links.map(({ traceId }) => traceId)).toEqual(clicks.map(({ traceId }) => traceId));
    for (const [index, span] of spans.entries()) {
      expect(span.parentId).toBe(found(trace(clicks[index]!), `send ${pipeline.topic}`).spanId);
      if (span !== batch) expect(span.links).toEqual([{ traceId: batch.traceId, spanId: batch.spanId }]);
    }
  }, 120_000);

  it("are named by the lines of the log, and say where it failed", async () => {
    const before = await stored();
    const click = origin();
    await clickhouse.setCredentials({ username: "shop", password: "second" });
    expect(await track({ event: "view", userId: "visitor-5", itemId: "pot" }, click)).toBe(200);
    const line = () => consumer.lines.find((entry) => entry.trace_id === click.traceId);
    await expect.poll(() => line()?.msg, PATIENCE).toBe("a batch could not be stored");
    await clickhouse.setCredentials({ username: "shop", password: "first" });
    await expect.poll(stored, PATIENCE).toBe(before + 1);
    await expect.poll(() => trace(click).map(({ name }) => name), PATIENCE).toContain(`process ${pipeline.topic}`);
    const spans = trace(click);
    expect(line()?.span_id).toBe(found(spans, `process ${pipeline.topic}`).spanId);
    const inserts = spans.filter(({ name }) => name === "INSERT events");
    expect(inserts.at(0)).toMatchObject({ failed: true, attributes: { "error.type": "516" } });
    expect(inserts.at(-1)).toMatchObject({ failed: false });
  }, 120_000);

  it("are sent at SIGTERM, within the time of the stop", async () => {
    await collector.stop();
    further = SELDOM;
    collector = pipeline.role("collector");
    const click = origin();
    expect(await track({ event: "view", userId: "visitor-7", itemId: "spoon" }, click)).toBe(200);
    expect(trace(click).filter(({ service }) => service === "productmatcher-collector")).toEqual([]);
    expect(await collector.stop()).toBe(0);
    expect(trace(click).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["POST /v1/track", `send ${pipeline.topic}`]),
    );
  }, 120_000);

  it("harm nothing while their receiver is away", async () => {
    further = SOON;
    collector = pipeline.role("collector");
    await collector.address;
    const before = await stored();
    await receiver.close();
    for (let number = 0; number < 20; number += 1) {
      expect(await track({ event: "view", userId: "visitor-9", itemId: "lamp" }, origin())).toBe(200);
    }
    await expect.poll(stored, PATIENCE).toBe(before + 20);
    const told = () => collector.lines.filter(({ msg }) => String(msg).startsWith("OpenTelemetry cannot"));
    await expect.poll(() => told().length, PATIENCE).toBeGreaterThan(0);
    const began = performance.now();
    expect(await Promise.all([collector.stop(), consumer.stop(), recommender.stop()])).toEqual([0, 0, 0]);
    // Of the 25 s that a stop has.
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(told().length).toBeLessThan(5);
  }, 120_000);
});
