/**
 * Segment's own library for servers against a running collector that fails in every way that makes it send again: what it
 * was given is in ClickHouse once.
 */
import { Analytics } from "@segment/analytics-node";
import type { RequestHandler } from "express";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EmbeddedLog } from "../../services/activity-log/embedded/index.ts";
import type { ActivityLog } from "../../services/activity-log/index.ts";
import type { ClickHouse } from "../../services/clickhouse/index.ts";
import type { Consumer } from "../../services/consumer/index.ts";
import { migratedDatabase } from "../fixtures/clickhouse.ts";
import { ENTITIES_TOPIC, EVENTS_TOPIC, startCollector, type TestCollector } from "../fixtures/collector.ts";
import { mappersOf, startTestConsumer } from "../fixtures/consumer.ts";
import { temporaryLog } from "../fixtures/recommender.ts";

const KEY = "server-key";

let clickhouse: ClickHouse;
let log: EmbeddedLog;
let consumer: Consumer;
let collector: TestCollector;
let analytics: Analytics;
/** HTTP statuses of all requests in turn, 0 for one whose answer was cut off. */
let statuses: number[];
/** Requests whose answer is cut off, once the collector has appended what they brought. */
let cut: number[];
/** How often the log refuses. */
let refusals: number;

beforeEach(async () => {
  statuses = [];
  cut = [];
  refusals = 0;
  log = await temporaryLog();
  clickhouse = await migratedDatabase();
  const mappers = mappersOf([
    { name: EVENTS_TOPIC, record: "Event" },
    { name: ENTITIES_TOPIC, record: "Entity" },
  ]);
  consumer = await startTestConsumer({ log, clickhouse, mappers });
});
afterEach(async () => {
  await analytics.closeAndFlush();
  await collector.close();
  await consumer.close();
  await log.close();
  await clickhouse.close();
});

async function start(options: Partial<Parameters<typeof startCollector>[0]> = {}): Promise<void> {
  collector = await startCollector({
    log: refusing(log),
    before: watch,
    now: Date.now,
    writeKeys: () => [{ name: "server", key: KEY }],
    ...options,
  });
  analytics = new Analytics({ writeKey: KEY, host: collector.address, flushAt: 20, flushInterval: 50 });
}

const watch: RequestHandler = (request, response, next) => {
  const number = statuses.push(-1) - 1;
  response.once("finish", () => {
    statuses[number] = response.statusCode;
  });
  if (cut.includes(number)) {
    response.end = () => {
      statuses[number] = 0;
      request.socket.destroy();
      return response;
    };
  }
  next();
};

function refusing(target: ActivityLog): ActivityLog {
  return {
    system: target.system,
    async append(topic, records) {
      refusals -= 1;
      if (refusals >= 0) throw new Error("the log is away");
      await target.append(topic, records);
    },
    subscribe: (options) => target.subscribe(options),
    close: () => target.close(),
  };
}

interface Row {
  readonly event_id: string;
  readonly event: string;
  readonly item_id: string;
  readonly actor_id: string;
}

async function stored(): Promise<Row[]> {
  await consumer.caughtUp();
  return clickhouse.query<Row>("SELECT event_id, event, item_id, actor_id FROM activity ORDER BY event_id");
}

/** Sends views of numbered items. @returns ids of all messages, once the library has delivered them */
async function deliver(count: number): Promise<string[]> {
  const failures: unknown[] = [];
  analytics.on("error", (error) => failures.push(error));
  const ids = Array.from({ length: count }, (_, number) => `view-${String(number).padStart(3, "0")}`);
  for (const messageId of ids) {
    const properties = { product_id: `item-${messageId}`, price: 5 };
    analytics.track({ userId: "ann", event: "Product Viewed", messageId, properties });
  }
  await analytics.closeAndFlush({ timeout: 60_000 });
  expect(failures).toEqual([]);
  return ids;
}

describe("Segment's library for Node", () => {
  test("delivers calls of every kind", async () => {
    await start();
    const visitor = { anonymousId: "visitor" };
    analytics.page({ ...visitor, name: "Home", messageId: "1" });
    analytics.screen({ ...visitor, name: "Cart", messageId: "2" });
    analytics.track({ ...visitor, event: "Product Added", properties: { product_id: "cup" }, messageId: "3" });
    analytics.identify({ ...visitor, userId: "ann", traits: { plan: "gold" }, messageId: "4" });
    analytics.group({ userId: "ann", groupId: "acme", messageId: "5" });
    analytics.alias({ userId: "ann", previousId: "visitor", messageId: "6" });
    const products = [{ product_id: "cup", price: 3, quantity: 2 }, { product_id: "pot" }];
    analytics.track({
      userId: "ann",
      event: "Order Completed",
      properties: { order_id: "o", products },
      messageId: "7",
    });
    analytics.track({ userId: "ann", event: "Order Cancelled", properties: { order_id: "o" }, messageId: "8" });
    await analytics.closeAndFlush();
    expect((await stored()).map(({ event_id, event, item_id }) => `${event_id} ${event} ${item_id}`.trim())).toEqual([
      "1 page",
      "2 screen",
      "3 add_to_cart cup",
      "4 identify",
      "5 group",
      "6 identify",
      "7#0 purchase cup",
      "7#0/refunded refund cup",
      "7#1 purchase pot",
      "7#1/refunded refund pot",
      "8 refund",
    ]);
    expect(await clickhouse.query("SELECT user_id, attributes FROM users FINAL")).toEqual([
      { user_id: "ann", attributes: { plan: "gold" } },
    ]);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test("sends again what the log refused, and it is there once", async () => {
    await start();
    refusals = 3;
    const ids = await deliver(100);
    expect(statuses.filter((status) => status === 503)).toHaveLength(3);
    expect((await stored()).map(({ event_id }) => event_id)).toEqual(ids);
  });

  test("sends again what it had no answer for, and it is there once", async () => {
    await start();
    cut = [0, 2, 3];
    const ids = await deliver(100);
    expect(statuses.filter((status) => status === 0)).toHaveLength(3);
    const tail = await log.subscribe({ group: null, topics: [EVENTS_TOPIC], startFrom: "Earliest" });
    const appended = await tail.poll({ maxRecords: 1_000, maxBytes: 1e8, waitMilliseconds: 0 });
    expect(appended.length).toBeGreaterThan(ids.length);
    expect((await stored()).map(({ event_id }) => event_id)).toEqual(ids);
  });

  test("waits and sends again what found the buffer full, and it is there once", async () => {
    const gate = Promise.withResolvers<void>();
    const slow: ActivityLog = {
      ...refusing(log),
      append: (topic, records) => gate.promise.then(() => log.append(topic, records)),
    };
    await start({ log: slow, limits: { bodyBytes: 20_000, bufferedBytes: 40_000, appendMilliseconds: 60_000 } });
    const delivered = deliver(100);
    await vi.waitUntil(() => statuses.includes(429), { timeout: 20_000 });
    gate.resolve();
    const ids = await delivered;
    expect((await stored()).map(({ event_id }) => event_id)).toEqual(ids);
  });
});
