import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { json, startTestConsumer } from "../../test/fixtures/consumer.ts";
import { SIGNALS_TOPIC, temporaryLog } from "../../test/fixtures/recommender.ts";
import { anonymousActor, MAX_VISITORS } from "../activity/index.ts";
import { decodeSignals } from "../activity/signals.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import { type ClickHouse, readLinks } from "../clickhouse/index.ts";
import { storeLinks } from "./identities.ts";
import type { Consumer, ConsumerOptions } from "./index.ts";
import { KnownLinks } from "./known-links.ts";
import { inParts } from "./parts.ts";

const NOW = Date.now();
const MINUTE = 60_000;

let clickhouse: ClickHouse;
let log: EmbeddedLog;
const consumers: Consumer[] = [];

beforeEach(async () => {
  clickhouse = await migratedDatabase();
  log = await temporaryLog();
});

afterEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.close();
  await log.close();
  await clickhouse.close();
});

async function start(options: Partial<ConsumerOptions> = {}): Promise<Consumer> {
  const consumer = await startTestConsumer({ log, clickhouse, ...options });
  consumers.push(consumer);
  return consumer;
}

type Ids = { readonly userId?: string; readonly anonymousId?: string };

/** @param minutes before now */
function event(eventId: string, name: string, ids: Ids, minutes: number, itemId: string | undefined = "teapot") {
  return json({ eventId, event: name, ...ids, itemId, occurredAt: NOW - minutes * MINUTE }, "one partition");
}

function identify(eventId: string, userId: string, anonymousId: string, minutes: number) {
  return event(eventId, "identify", { userId, anonymousId }, minutes, "");
}

function checkouts() {
  return clickhouse.query<{ id: string; person: string; first: string; last: string }>(
    `SELECT checkout_id AS id, person_id AS person, first_touch.2 AS first, last_touch.2 AS last
     FROM checkouts ORDER BY checkout_id`,
  );
}

async function linkSignals() {
  const tail = await log.subscribe({ group: null, topics: [SIGNALS_TOPIC], startFrom: "Earliest" });
  const records = await tail.poll({ maxRecords: 1_000, maxBytes: 1e8, waitMilliseconds: 0 });
  await tail.close();
  return records.flatMap((record) => decodeSignals(record.value).links);
}

const visitor = { anonymousId: "phone" };
const STORY = {
  view: event("view", "view", visitor, 30),
  identify: identify("identify", "ann", "phone", 20),
  laterView: event("later view", "click", { userId: "ann" }, 15),
  checkout: event("checkout", "purchase", { userId: "ann" }, 10),
  guestCheckout: event("guest checkout", "purchase", visitor, 5),
};

describe("a visitor that signs in", () => {
  describe.each([
    ["as it happened", ["view", "identify", "laterView", "checkout", "guestCheckout"]],
    ["the sign-in last", ["view", "laterView", "checkout", "guestCheckout", "identify"]],
    ["the sign-in first", ["identify", "view", "laterView", "checkout", "guestCheckout"]],
    ["backwards", ["guestCheckout", "checkout", "laterView", "identify", "view"]],
    ["the views last", ["checkout", "guestCheckout", "identify", "laterView", "view"]],
  ] as const)("earns and is earned together with the user (%s)", (_name, order) => {
    test.each([1, 2, 100])("in batches of %d", async (maxRecords) => {
      await log.append(
        "shop.events",
        order.map((part) => STORY[part]),
      );
      await (await start({ batch: { maxRecords, maxBytes: 1e6 } })).caughtUp();
      expect(await checkouts()).toEqual([
        { id: "checkout", person: "ann", first: "view", last: "later view" },
        { id: "guest checkout", person: "ann", first: "view", last: "later view" },
      ]);
    });
  });

  test("an event that carries both ids is a sign-in, and two devices of a user are one person", async () => {
    await log.append("shop.events", [
      event("seen on the desk", "view", { anonymousId: "desk" }, 30),
      event("bought on the phone", "purchase", visitor, 10),
      event("v", "view", { userId: "ann", anonymousId: "desk" }, 9, "cup"),
      event("w", "view", { userId: "ann", anonymousId: "phone" }, 8, "cup"),
    ]);
    await (await start()).caughtUp();
    expect(await checkouts()).toMatchObject([{ id: "bought on the phone", person: "ann", first: "seen on the desk" }]);
  });

  test("belongs to the first user: a later sign-in changes nothing, an earlier one that arrives late does", async () => {
    await log.append("shop.events", [
      STORY.view,
      STORY.checkout,
      event("bob's checkout", "purchase", { userId: "bob" }, 9),
      identify("i1", "ann", "phone", 20),
      identify("i2", "bob", "phone", 19),
    ]);
    const consumer = await start({ batch: { maxRecords: 1, maxBytes: 1e6 } });
    await consumer.caughtUp();
    expect(await checkouts()).toMatchObject([
      { id: "bob's checkout", first: "" },
      { id: "checkout", first: "view" },
    ]);
    await log.append("shop.events", [identify("i3", "bob", "phone", 21)]);
    await consumer.caughtUp();
    expect(await checkouts()).toMatchObject([
      { id: "bob's checkout", first: "view" },
      { id: "checkout", first: "" },
    ]);
  });

  test("no sign-in is what names a user like a visitor", async () => {
    await log.append("shop.events", [
      identify("i1", "anonymous:phone", "desk", 20),
      event("v1", "view", { anonymousId: "desk" }, 15),
      event("p1", "purchase", { userId: "anonymous:phone" }, 10),
    ]);
    await (await start()).caughtUp();
    expect(await checkouts()).toMatchObject([{ id: "p1", first: "" }]);
  });

  test("the recommenders hear of it once, although every event says so, and again after a restart", async () => {
    const both = { userId: "ann", anonymousId: "phone" };
    await log.append("shop.events", [event("v1", "view", both, 20), event("v2", "view", both, 25)]);
    const first = await start({ batch: { maxRecords: 1, maxBytes: 1e6 } });
    await first.caughtUp();
    await log.append("shop.events", [event("v3", "view", both, 24), event("v4", "view", both, 1)]);
    await first.caughtUp();
    await first.close();
    const link = { anonymousId: "phone", userId: "ann" };
    const earliest = { ...link, linkedAt: NOW - 25 * MINUTE };
    expect(await linkSignals()).toEqual([{ ...link, linkedAt: NOW - 20 * MINUTE }, earliest]);
    await log.append("shop.events", [event("v5", "view", both, 3)]);
    await (await start()).caughtUp();
    expect(await linkSignals()).toHaveLength(3);
    expect(await readLinks(clickhouse, ["ann"])).toEqual([earliest]);
  });

  test.each(["identities", "joined_touches"])(
    "nothing is lost when ClickHouse fails in the middle (%s)",
    async (table) => {
      await clickhouse.command(`RENAME TABLE ${table} TO ${table}_away`);
      const first = await start();
      await log.append("shop.events", Object.values(STORY));
      await vi.waitUntil(async () => (await first.status()).state === "Retrying", { timeout: 5_000 });
      await first.close();
      await clickhouse.command(`RENAME TABLE ${table}_away TO ${table}`);
      await (await start()).caughtUp();
      expect(await checkouts()).toMatchObject([{ first: "view" }, { first: "view" }]);
    },
  );
});

describe("a storm of sign-ins", () => {
  test("of one user: its latest ids are joined, the rest is no person, and one batch takes it", async () => {
    const storm = Array.from({ length: 3_000 }, (_, at) => [
      event(`v${at}`, "view", { anonymousId: `${at}` }, 30 + at, `item ${at}`),
      event(`i${at}`, "view", { userId: "ann", anonymousId: `${at}` }, 30 + at, "cup"),
    ]).flat();
    await log.append("shop.events", [
      ...storm,
      event("latest", "purchase", { userId: "ann" }, 5, "item 0"),
      event("within", "purchase", { userId: "ann" }, -50, `item ${MAX_VISITORS - 1}`),
      event("beyond", "purchase", { userId: "ann" }, -60, `item ${MAX_VISITORS}`),
    ]);
    const window = { touches: ["view"], conversions: ["purchase"], windowSeconds: 86_400 * 30 };
    await (await start({ attribution: window, batch: { maxRecords: 10_000, maxBytes: 1e8 } })).caughtUp();
    expect(await checkouts()).toMatchObject([
      { id: "beyond", first: "" },
      { id: "latest", first: "v0" },
      { id: "within", first: `v${MAX_VISITORS - 1}` },
    ]);
    expect(await readLinks(clickhouse, ["ann"])).toHaveLength(MAX_VISITORS);
    expect((await readLinks(clickhouse, [anonymousActor("2999")]))[MAX_VISITORS]?.anonymousId).toBe("2999");
  });

  test("of one visitor: it is the first user's", async () => {
    const links = Array.from({ length: 3_000 }, (_, at) => ({
      anonymousId: "kiosk",
      userId: `user ${at}`,
      linkedAt: NOW - at,
      seenAt: NOW,
    }));
    await storeLinks(clickhouse, links);
    const actors = links.map(({ userId }) => userId);
    expect(await readLinks(clickhouse, actors)).toEqual([
      { anonymousId: "kiosk", userId: "user 2999", linkedAt: NOW - 2_999 },
    ]);
  });

  test("statements stay below what a server takes, whatever the ids are", () => {
    const ids = Array.from({ length: 20_000 }, (_, at) => `${at}`.padEnd(at % 2 === 0 ? 8 : 512, "x"));
    const parts = [...inParts(ids, (id) => [id])];
    expect(parts.flat()).toEqual(ids);
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(5_000);
      expect(part.join("").length).toBeLessThanOrEqual(100_000);
    }
    expect(parts.length).toBeLessThan(80);
  });
});

describe("KnownLinks", () => {
  test("needs work: what is new or earlier; stored again: what is seen an hour later; nothing else", () => {
    const known = new KnownLinks();
    const link = (linkedAt: number, seenAt = linkedAt) => ({ anonymousId: "phone", userId: "ann", linkedAt, seenAt });
    const first = known.select([link(100)]);
    expect(first).toEqual({ fresh: [link(100)], renewed: [] });
    expect(known.select([link(100)])).toEqual(first);
    known.add(first);
    expect(known.select([link(100, 3_600_099), { ...link(200), userId: "bob" }])).toEqual({
      fresh: [{ ...link(200), userId: "bob" }],
      renewed: [],
    });
    const later = known.select([link(150, 3_600_100)]);
    expect(later).toEqual({ fresh: [], renewed: [link(150, 3_600_100)] });
    known.add(later);
    expect(known.select([link(150, 3_600_101)])).toEqual({ fresh: [], renewed: [] });
    expect(known.select([link(99)]).fresh).toEqual([link(99)]);
  });
});
