import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { json, mappersOf, startTestConsumer } from "../../test/fixtures/consumer.ts";
import { SIGNALS_TOPIC, temporaryLog } from "../../test/fixtures/recommender.ts";
import { decodeSignals } from "../activity/signals.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { Consumer, ConsumerOptions } from "./index.ts";

const NOW = Date.now();
const MINUTE = 60_000;

let clickhouse: ClickHouse;
let log: EmbeddedLog;
const consumers: Consumer[] = [];

beforeAll(async () => {
  clickhouse = await migratedDatabase();
  log = await temporaryLog();
});
afterEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.close();
});
afterAll(async () => {
  await log.close();
  await clickhouse.close();
});

async function start(options: Partial<ConsumerOptions> = {}): Promise<Consumer> {
  const consumer = await startTestConsumer({ log, clickhouse, ...options });
  consumers.push(consumer);
  return consumer;
}

/** Orders of the tests are told apart by this. */
let number = 0;
function newOrder() {
  number += 1;
  const order = `order ${number}`;
  const actor = `ann ${number}`;
  const send = (eventId: string, event: string, fields: object, minutes: number) =>
    json(
      {
        eventId: `${order}/${eventId}`,
        event,
        userId: actor,
        occurredAt: NOW - minutes * MINUTE,
        properties: { order_id: order },
        ...fields,
      },
      "one partition",
    );
  const lines = {
    lamps: send("1", "purchase", { itemId: "lamp", quantity: 3, price: 10 }, 30),
    lamp: send("2", "purchase", { itemId: "lamp", quantity: 1, price: 9 }, 30),
    rug: send("3", "purchase", { itemId: "rug", quantity: 1, price: 50 }, 30),
    twoLampsBack: send("4", "refund", { itemId: "lamp", quantity: 2 }, 20),
    refunded: send("5", "refund", { userId: "the back office" }, 10),
    cancelled: send("6", "refund", { userId: "the back office" }, 15),
  };
  return { order, actor, send, lines };
}

/** The standing refund rows of an order, and what is left of its checkouts. */
async function outcome(order: string) {
  const refunds = await clickhouse.query<{ id: string; actor: string; item: string; quantity: number; at: string }>(
    `SELECT event_id AS id, actor_id AS actor, item_id AS item, quantity, toUnixTimestamp64Milli(occurred_at) AS at
     FROM activity WHERE event = 'refund' AND item_id != '' AND startsWith(event_id, {order:String}) ORDER BY event_id`,
    { order: `${order}/` },
  );
  const checkouts = await clickhouse.query<{ id: string; bought: number; back: number; revenue: string }>(
    `SELECT checkout_id AS id, quantity AS bought, refunded_quantity AS back, toFloat64(revenue) AS revenue
     FROM checkouts WHERE startsWith(checkout_id, {order:String}) ORDER BY checkout_id`,
    { order: `${order}/` },
  );
  return {
    refunds: refunds.map(({ id, quantity }) => [id.slice(order.length), quantity]),
    actors: [...new Set(refunds.map(({ actor }) => actor))],
    times: [...new Set(refunds.map(({ at }) => (NOW - Number(at)) / MINUTE))],
    checkouts: checkouts.map(({ id, bought, back, revenue }) => [id.slice(order.length), bought, back, revenue]),
  };
}

function permutations<Entry>(entries: readonly Entry[]): Entry[][] {
  if (entries.length <= 1) return [[...entries]];
  return entries.flatMap((entry, at) => permutations(entries.toSpliced(at, 1)).map((rest) => [entry, ...rest]));
}

describe("a refund of a whole order", () => {
  describe.each([
    ["each in a batch of its own", true],
    ["in one batch", false],
  ])("in any order of arrival, %s,", (_name, apart) => {
    /** An order for each order of arrival; those of a kind come side by side, so that few batches serve for all. */
    async function arrivals(names: readonly (keyof ReturnType<typeof newOrder>["lines"])[]) {
      const consumer = await start();
      const orders = permutations(names).map((arrival) => ({ ...newOrder(), arrival }));
      const steps = names.map((_, at) => orders.map(({ lines, arrival }) => lines[arrival[at]!]));
      for (const batch of apart ? steps : [steps.flat()]) {
        await log.append("shop.events", batch);
        await consumer.caughtUp();
      }
      return orders;
    }

    test("takes back every line, as the one who bought", async () => {
      for (const { order, actor } of await arrivals(["lamps", "rug", "refunded"])) {
        expect(await outcome(order)).toEqual({
          refunds: [
            ["/1/refunded", 3],
            ["/3/refunded", 1],
          ],
          actors: [actor],
          times: [10],
          checkouts: [
            ["/1", 3, 3, 0],
            ["/3", 1, 1, 0],
          ],
        });
      }
    });

    test("after pieces came back singly takes back the rest alone", async () => {
      for (const { order } of await arrivals(["lamps", "lamp", "twoLampsBack", "refunded"])) {
        expect(await outcome(order)).toMatchObject({
          refunds: [
            ["/1/refunded", 1],
            ["/2/refunded", 1],
            ["/4", 2],
          ],
          checkouts: [
            ["/1", 3, 3, 0],
            ["/2", 1, 1, 0],
          ],
        });
      }
    });
  });

  test("sent again, or cancelled as well, is no second time, and counts from the earlier of them", async () => {
    const { order, lines } = newOrder();
    const consumer = await start({ batch: { maxRecords: 1, maxBytes: 1e6 } });
    const sent = [lines.lamps, lines.refunded, lines.refunded, lines.cancelled, lines.lamps, lines.cancelled];
    await log.append("shop.events", sent);
    await consumer.caughtUp();
    expect(await outcome(order)).toMatchObject({
      refunds: [["/1/refunded", 3]],
      times: [15],
      checkouts: [["/1", 3, 3, 0]],
    });
  });

  test("reaches the recommenders line by line", async () => {
    const { order, actor, lines } = newOrder();
    await log.append("shop.events", [lines.refunded]);
    const consumer = await start();
    await consumer.caughtUp();
    await log.append("shop.events", [lines.lamps]);
    await consumer.caughtUp();
    const tail = await log.subscribe({ group: null, topics: [SIGNALS_TOPIC], startFrom: "Earliest" });
    const records = await tail.poll({ maxRecords: 10_000, maxBytes: 1e8, waitMilliseconds: 0 });
    await tail.close();
    const told = records
      .flatMap((record) => decodeSignals(record.value).signals)
      .filter(({ eventId }) => eventId.startsWith(`${order}/`));
    expect(told.sort((one, other) => one.eventId.localeCompare(other.eventId))).toMatchObject([
      { actorId: actor, event: "purchase", itemId: "lamp", quantity: 3, eventId: `${order}/1` },
      { actorId: actor, event: "refund", itemId: "lamp", quantity: 3, eventId: `${order}/1/refunded` },
    ]);
  });

  test("comes after what it takes back, although its clock was behind", async () => {
    const { order, send, lines } = newOrder();
    await log.append("shop.events", [lines.lamps, send("early", "refund", {}, 40)]);
    await (await start()).caughtUp();
    expect((await outcome(order)).times[0]).toBeLessThan(30);
  });

  test("is of one topic, and of the order that it names", async () => {
    const { order, lines } = newOrder();
    const other = newOrder();
    await log.append("shop.events", [lines.lamps, other.lines.rug, other.lines.refunded]);
    await log.append("other.events", [lines.refunded]);
    const mappers = mappersOf([
      { name: "shop.events", record: "Event" },
      { name: "other.events", record: "Event" },
    ]);
    await (await start({ mappers })).caughtUp();
    expect(await outcome(order)).toMatchObject({ refunds: [], checkouts: [["/1", 3, 0, 30]] });
    expect(await outcome(other.order)).toMatchObject({ checkouts: [["/3", 1, 1, 0]] });
  });

  test.each(["order_lines", "refunded_checkouts"])(
    "is not lost when ClickHouse fails in the middle (%s), nor doubled by the next try",
    async (table) => {
      await clickhouse.command(`RENAME TABLE ${table} TO ${table}_away`);
      const { order, lines } = newOrder();
      const first = await start();
      await log.append("shop.events", [lines.lamps, lines.twoLampsBack, lines.refunded]);
      await vi.waitUntil(async () => (await first.status()).state === "Retrying", { timeout: 5_000 });
      await first.close();
      await clickhouse.command(`RENAME TABLE ${table}_away TO ${table}`);
      await (await start()).caughtUp();
      expect(await outcome(order)).toMatchObject({
        refunds: [
          ["/1/refunded", 1],
          ["/4", 2],
        ],
        checkouts: [["/1", 3, 3, 0]],
      });
    },
  );

  test("of an order that no person places is bounded, and the others are not kept from theirs", async () => {
    const { order, send, lines } = newOrder();
    const other = newOrder();
    const many = Array.from({ length: 3_000 }, (_, at) => send(`many ${at}`, "purchase", { itemId: `i${at}` }, 30));
    await log.append("shop.events", [...many, other.lines.rug, lines.refunded, other.lines.refunded]);
    await (await start({ batch: { maxRecords: 10_000, maxBytes: 1e8 } })).caughtUp();
    expect((await outcome(order)).refunds.length).toBe(1_999);
    expect((await outcome(other.order)).refunds).toEqual([["/3/refunded", 1]]);
  });
});

test("a single refund that names its order takes its pieces off the checkout, and no more than were bought", async () => {
  const { order, send, lines } = newOrder();
  await log.append("shop.events", [lines.lamps, lines.rug, lines.twoLampsBack]);
  const consumer = await start();
  await consumer.caughtUp();
  expect(await outcome(order)).toMatchObject({
    refunds: [["/4", 2]],
    checkouts: [
      ["/1", 3, 2, 10],
      ["/3", 1, 0, 50],
    ],
  });
  await log.append("shop.events", [send("7", "refund", { itemId: "lamp", quantity: 9 }, 5)]);
  await consumer.caughtUp();
  expect((await outcome(order)).checkouts[0]).toEqual(["/1", 3, 3, 0]);
});
