import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { json, silent, startTestConsumer } from "../../test/fixtures/consumer.ts";
import {
  publishNeighbours,
  SIGNALS_TOPIC,
  startTestRecommender,
  temporaryLog,
} from "../../test/fixtures/recommender.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { Consumer } from "../consumer/index.ts";
import type { Recommender } from "./index.ts";

const NOW = Date.now();

let clickhouse: ClickHouse;
let log: EmbeddedLog;
let consumer: Consumer;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  clickhouse = await migratedDatabase();
  log = await temporaryLog();
  await publishNeighbours(
    clickhouse,
    { version: "n1", at: 1 },
    { lamp: { bulb: 1 }, rug: { mat: 1 }, desk: { chair: 1 }, vase: { flower: 1 } },
  );
  consumer = await startTestConsumer({ log, clickhouse });
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await consumer.close();
  await log.close();
  await clickhouse.close();
});

/** @param signalsTopic one that is empty: then all it knows is from ClickHouse */
async function start(signalsTopic = SIGNALS_TOPIC): Promise<Recommender> {
  const recommender = await startTestRecommender({ clickhouse, log, signalsTopic, logger: silent, seen: "Exclude" });
  closing.push(() => recommender.close());
  await recommender.refresh();
  await vi.waitUntil(() => recommender.readiness().ready);
  return recommender;
}

/** What is recommended by the history, with scores and reasons. */
async function answer(recommender: Recommender, user: string): Promise<{ item: string; reason: { type: string } }[]> {
  const url = `/v1/recommendations/users/${encodeURIComponent(user)}`;
  const { body } = await recommender.answer({ method: "GET", url });
  const { items } = JSON.parse(body) as { items: { item: string; reason: { type: string } }[] };
  return items.filter(({ reason }) => reason.type === "similar");
}

async function happens(...events: object[]) {
  await log.append(
    "shop.events",
    events.map((event) => json(event, "one partition")),
  );
  await consumer.caughtUp();
}

const seen = { eventId: "1", event: "view", anonymousId: "phone", itemId: "lamp", occurredAt: NOW - 5_000 };
const bought = { eventId: "2", event: "purchase", userId: "ann", itemId: "rug", occurredAt: NOW - 4_000 };
const seenLater = { eventId: "3", event: "view", anonymousId: "phone", itemId: "vase", occurredAt: NOW - 3_000 };
const signsIn = { eventId: "4", event: "identify", anonymousId: "phone", userId: "ann", occurredAt: NOW - 3_500 };

describe("a visitor that signs in", () => {
  test.each([
    ["after what it did", [seen, bought, seenLater, signsIn]],
    ["before", [signsIn, seen, bought, seenLater]],
    ["in between", [seenLater, signsIn, seen, bought]],
  ])("(%s) is answered as the user is, by every replica, whenever it started", async (_name, story) => {
    const running = await start();
    for (const event of story) {
      await happens(event);
      // What is asked in between is remembered, and must not stay.
      await answer(running, "ann");
      await answer(running, "anonymous:phone");
    }
    const items = [{ item: "mat" }, { item: "flower" }, { item: "bulb" }];
    await vi.waitFor(async () => expect(await answer(running, "ann")).toMatchObject(items));
    const expected = await answer(running, "ann");
    expect(await answer(running, "anonymous:phone")).toEqual(expected);
    for (const topic of [SIGNALS_TOPIC, "shop.no-signals"]) {
      for (const first of ["ann", "anonymous:phone"]) {
        const restarted = await start(topic);
        expect(await answer(restarted, first)).toEqual(expected);
        expect(await answer(restarted, "anonymous:phone")).toEqual(expected);
        expect(await answer(restarted, "ann")).toEqual(expected);
      }
    }
  });

  test("who signs in as another user first is that user's, also where it is learned late", async () => {
    const running = await start();
    await happens(seen, bought, signsIn);
    await vi.waitFor(async () => expect(await answer(running, "anonymous:phone")).toHaveLength(2));
    await happens({ ...signsIn, eventId: "5", userId: "bob", occurredAt: NOW - 9_000 });
    await vi.waitFor(async () => expect(await answer(running, "bob")).toMatchObject([{ item: "bulb" }]));
    for (const replica of [running, await start("shop.no-signals")]) {
      expect(await answer(replica, "anonymous:phone")).toMatchObject([{ item: "bulb" }]);
      expect(await answer(replica, "ann")).toMatchObject([{ item: "mat" }]);
    }
  });
});

test("the refund of an order takes its lines out of what is answered, in every replica", async () => {
  const running = await start();
  const order = { properties: { order_id: "o1" } };
  await happens({ ...bought, ...order }, { ...bought, eventId: "6", itemId: "desk", userId: "ann" });
  await vi.waitFor(async () => expect(await answer(running, "ann")).toHaveLength(2));
  await happens({ eventId: "7", event: "refund", userId: "shop", ...order });
  await vi.waitFor(async () => expect(await answer(running, "ann")).toMatchObject([{ item: "chair" }]));
  expect(await answer(await start("shop.no-signals"), "ann")).toMatchObject([{ item: "chair" }]);
});
