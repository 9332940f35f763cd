import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ENTITIES_TOPIC,
  NOW,
  recordsOf,
  sendTo,
  startCollector,
  type TestCollector,
} from "../../test/fixtures/collector.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";

let log: EmbeddedLog;
let collector: TestCollector;

beforeEach(async () => {
  log = await temporaryLog();
  collector = await startCollector({ log });
});
afterEach(async () => {
  await collector.close();
  await log.close();
});

const send = (path: string, body: unknown, init = {}) => sendTo(collector, path, body, init);
const events = async () => (await recordsOf(log)).map(({ body }) => body);

const MINUTE = 60_000;
const ISO = (milliseconds: number) => new Date(milliseconds).toISOString();

/** A call as a library sends it; `null` where it sends no such thing. */
function call(fields: object) {
  return { type: "track", messageId: "m", anonymousId: "visitor", userId: null, timestamp: ISO(NOW), ...fields };
}

const TEAPOT = { product_id: "teapot", sku: "T-1", name: "Teapot", category: "Tea", price: 12.5, quantity: 2 };

describe("track", () => {
  test("a product's fields become ours, everything else of it a property", async () => {
    const message = call({
      event: "Product Added",
      userId: "ann",
      properties: { ...TEAPOT, currency: "EUR" },
      context: {
        page: { url: "https://shop.example/teapot", referrer: "https://shop.example/" },
        userAgent: "Browser",
        ip: "192.0.2.7",
        sessionId: "visit",
      },
      integrations: { All: true },
    });
    expect(await send("/v1/track", message)).toMatchObject({ status: 200, body: { eventId: "m" } });
    expect(await recordsOf(log)).toEqual([
      {
        key: "ann",
        timestamp: NOW,
        body: {
          event: "add_to_cart",
          eventId: "m",
          userId: "ann",
          anonymousId: "visitor",
          sessionId: "visit",
          itemId: "teapot",
          occurredAt: NOW,
          price: 12.5,
          quantity: 2,
          currency: "EUR",
          url: "https://shop.example/teapot",
          referrer: "https://shop.example/",
          userAgent: "Browser",
          ipAddress: "192.0.2.7",
          properties: { name: "Teapot", category: "Tea", sku: "T-1" },
        },
      },
    ]);
  });

  test.each([
    ["Product Viewed", "view"],
    ["Product Clicked", "click"],
    ["Product Added", "add_to_cart"],
    ["Product Removed", "remove_from_cart"],
  ])("%s is a %s", async (event, ours) => {
    await send("/v1/track", call({ event, properties: { product_id: "teapot" } }));
    expect(await events()).toMatchObject([{ event: ours, itemId: "teapot", anonymousId: "visitor" }]);
  });

  test("a product without product_id is known by its sku", async () => {
    await send("/v1/track", call({ event: "Product Viewed", properties: { sku: "T-1", product_id: "" } }));
    expect(await events()).toMatchObject([{ itemId: "T-1", properties: {} }]);
  });

  test("an order is one purchase for each line, with the order's id and currency on each", async () => {
    const products = [TEAPOT, { product_id: "cup", price: "3", currency: "USD", coupon: "CUP" }];
    const order = { order_id: "o-7", currency: "EUR", total: 28, coupon: "MAY", products };
    expect((await send("/v1/track", call({ event: "Order Completed", properties: order }))).status).toBe(200);
    expect(await events()).toMatchObject([
      {
        eventId: "m#0",
        event: "purchase",
        itemId: "teapot",
        price: 12.5,
        quantity: 2,
        currency: "EUR",
        properties: { order_id: "o-7", coupon: "MAY", name: "Teapot" },
      },
      {
        eventId: "m#1",
        event: "purchase",
        itemId: "cup",
        currency: "USD",
        properties: { order_id: "o-7", coupon: "CUP" },
      },
    ]);
    expect((await events())[0].properties).not.toHaveProperty("total");
  });

  test("a list that was looked at is an impression for each product", async () => {
    const properties = { list_id: "tea", products: [{ product_id: "teapot", position: 1 }, { sku: "cup" }] };
    await send("/v1/track", call({ event: "Product List Viewed", properties }));
    expect(await events()).toMatchObject([
      { eventId: "m#0", event: "impression", itemId: "teapot", properties: { list_id: "tea", position: 1 } },
      { eventId: "m#1", event: "impression", itemId: "cup" },
    ]);
  });

  test.each(["Order Refunded", "Order Cancelled"])("%s takes back the lines that it lists", async (event) => {
    const properties = { order_id: "o-7", products: [{ product_id: "cup", quantity: 1 }] };
    await send("/v1/track", call({ event, properties }));
    expect(await events()).toMatchObject([
      { eventId: "m#0", event: "refund", itemId: "cup", quantity: 1, properties: { order_id: "o-7" } },
    ]);
  });

  test.each([
    ["no products", {}],
    ["an empty list", { products: [] }],
  ])("Order Refunded with %s takes back the whole order", async (_name, more) => {
    await send("/v1/track", call({ event: "Order Refunded", properties: { order_id: "o-7", ...more } }));
    const [refund, ...others] = await events();
    expect(others).toEqual([]);
    expect(refund).toMatchObject({ eventId: "m", event: "refund", properties: { order_id: "o-7" } });
    expect(refund).not.toHaveProperty("itemId");
  });

  test.each([
    ["a name of the shop's own", "Newsletter Joined", { plan: "weekly", price: "a lot" }],
    ["a name of the specification that concerns no product", "Products Searched", { query: "tea" }],
    ["an order that says nothing of its lines", "Order Completed", { order_id: "o-7" }],
    ["a name that objects have", "constructor", {}],
  ])("%s is kept under its own name", async (_name, event, properties) => {
    expect((await send("/v1/track", call({ event, properties }))).status).toBe(200);
    expect(await events()).toMatchObject([{ event, eventId: "m", properties }]);
  });

  test("a message without id gets one", async () => {
    const { body } = await send("/v1/track", { event: "Product Viewed", userId: "ann", properties: { sku: "cup" } });
    expect(body).toEqual({ eventId: "made-1" });
    expect(await events()).toMatchObject([{ eventId: "made-1", event: "view" }]);
  });

  test.each([
    ["a product without id", { event: "Product Viewed", properties: {} }, "/properties/product_id"],
    ["a bad price", { event: "Product Viewed", properties: { sku: "a", price: "x" } }, "/properties/price"],
    ["nobody", { event: "Product Viewed", properties: { sku: "a" }, anonymousId: "" }, "/userId"],
    ["a time that is none", { event: "Click", timestamp: "noon" }, "/timestamp"],
    ["an id that is none", { event: "Click", messageId: {} }, "/messageId"],
    ["a refund of nothing", { event: "Order Refunded", properties: {} }, "/properties/order_id"],
    [
      "an id whose digits are lost",
      { event: "Product Viewed", properties: { sku: 2 ** 60 } },
      "/properties/product_id",
    ],
    ["a page's address that is no text", { event: "Click", context: { page: { url: ["a"] } } }, "/context/page/url"],
  ])("%s is refused at its place in the message", async (_name, fields, pointer) => {
    const { status, body } = await send("/v1/track", call(fields));
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ pointer }]);
    expect(await events()).toEqual([]);
  });

  test("of an order with a bad line the others are kept, and the answer names it", async () => {
    const products = [{ product_id: "cup" }, { name: "?" }, "x", { product_id: "can", price: -1 }, { sku: "pot" }];
    const { status, body } = await send("/v1/track", call({ event: "Order Completed", properties: { products } }));
    expect(status).toBe(200);
    expect(body).toMatchObject({ eventId: "m", rejected: [{ path: "properties.products.1.product_id" }] });
    expect((await events()).map(({ eventId }) => eventId)).toEqual(["m#0", "m#4"]);
  });

  test("the list of an order is bounded, also in what it becomes", async () => {
    const line = { product_id: "a" };
    const many = call({ event: "Order Completed", properties: { products: Array(1_001).fill(line) } });
    expect((await send("/v1/track", many)).body.errors).toMatchObject([{ pointer: "/properties/products" }]);
    const url = `https://shop.example/${"x".repeat(8_000)}`;
    const products = Array(1_000).fill(line);
    const wide = call({
      event: "Order Completed",
      properties: { products },
      context: { page: { url, referrer: url } },
    });
    expect(await send("/v1/batch", { batch: [wide] })).toMatchObject({
      status: 413,
      body: { detail: expect.stringContaining("8388608") },
    });
    expect(await events()).toEqual([]);
  });
});

describe("the other calls", () => {
  test("identify joins both ids, and its traits are added to the user", async () => {
    const traits = { plan: "gold", address: { city: "Ghent" } };
    await send("/v1/identify", call({ type: "identify", userId: "ann", traits }));
    expect(await events()).toMatchObject([
      { event: "identify", eventId: "m", userId: "ann", anonymousId: "visitor", occurredAt: NOW },
    ]);
    expect(await recordsOf(log, ENTITIES_TOPIC)).toEqual([
      {
        key: "traits:ann",
        timestamp: NOW,
        body: { kind: "user", userId: "ann", attributes: traits, partial: true, updatedAt: NOW },
      },
    ]);
  });

  test("identify of nobody known, or without traits, changes no user", async () => {
    await send("/v1/identify", call({ type: "identify", traits: { plan: "gold" } }));
    await send("/v1/identify", call({ type: "identify", messageId: "n", userId: "ann", traits: {} }));
    expect(await events()).toHaveLength(2);
    expect(await recordsOf(log, ENTITIES_TOPIC)).toEqual([]);
  });

  test("alias is a sign-in: one visitor under two names", async () => {
    await send("/v1/alias", { type: "alias", messageId: "m", previousId: "visitor", userId: "ann" });
    expect(await events()).toMatchObject([{ event: "identify", userId: "ann", anonymousId: "visitor" }]);
  });

  test("a page or a screen is an event of its own, with its address", async () => {
    const properties = { url: "https://shop.example/tea", title: "Tea" };
    await send("/v1/page", call({ type: "page", name: "Category", properties }));
    await send("/v1/screen", call({ type: "screen", messageId: "s", name: "Cart" }));
    expect((await events()).sort((a, b) => a.event.localeCompare(b.event))).toMatchObject([
      { event: "page", url: properties.url, properties: { name: "Category", title: "Tea" } },
      { event: "screen", properties: { name: "Cart" } },
    ]);
  });

  test("group keeps the group's id", async () => {
    await send("/v1/group", call({ type: "group", groupId: "acme", traits: { size: 7 } }));
    expect(await events()).toMatchObject([{ event: "group", properties: { group_id: "acme", size: 7 } }]);
  });

  test("the short addresses of the library for browsers take the same", async () => {
    const paths = ["t", "i", "p", "s", "g", "a"];
    for (const path of paths) {
      const message = call({ messageId: path, event: "Click", userId: "ann", previousId: "visitor" });
      expect((await send(`/v1/${path}`, message, { headers: { "content-type": "text/plain" } })).status).toBe(200);
    }
    expect(await events()).toHaveLength(paths.length);
  });
});

describe("batch", () => {
  test("takes messages of all kinds, drops kinds that it does not know, and names what is wrong", async () => {
    const batch = [
      call({ messageId: "a", event: "Product Viewed", properties: { sku: "cup" } }),
      call({ messageId: "b", type: "heartbeat" }),
      call({ messageId: "c", type: "page" }),
      { messageId: "d" },
      7,
    ];
    const { status, body } = await send("/v1/batch", { batch, sentAt: ISO(NOW), writeKey: "k" });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 2,
      ignored: 1,
      rejected: [
        { index: 3, reason: "field_missing", path: "type" },
        { index: 4, reason: "not_an_object" },
      ],
    });
    expect((await events()).map(({ eventId }) => eventId)).toEqual(["a", "c"]);
  });

  test("what is of no use here is no error, also alone", async () => {
    expect(await send("/v1/batch", { batch: [call({ type: "heartbeat" })] })).toMatchObject({
      status: 200,
      body: { accepted: 0, ignored: 1 },
    });
  });

  test("our own list takes messages of Segment's, too", async () => {
    const own = { event: "view", userId: "ann", itemId: "cup", eventId: "own" };
    await send("/v1/batch", { events: [own, call({ event: "Product Viewed", properties: { sku: "cup" } })] });
    expect((await events()).map(({ event, eventId }) => [event, eventId]).sort()).toEqual([
      ["view", "m"],
      ["view", "own"],
    ]);
  });
});

describe("the time", () => {
  const times = async () => (await events()).map(({ occurredAt }) => occurredAt ?? null);
  const track = (fields: object) => send("/v1/track", call({ event: "Click", ...fields }));

  test("of a clock that is wrong is counted back from the receipt", async () => {
    const clock = NOW - 400 * MINUTE;
    await send("/v1/batch", {
      batch: [call({ event: "Click", timestamp: ISO(clock - 5 * MINUTE) })],
      sentAt: ISO(clock),
    });
    expect(await times()).toEqual([NOW - 5 * MINUTE]);
  });

  test("of a clock that is right stays, so that a repeat has the same", async () => {
    const message = { timestamp: ISO(NOW - 5 * MINUTE) };
    await track({ ...message, sentAt: ISO(NOW - 9_000) });
    await track({ ...message, sentAt: ISO(NOW - 10) });
    expect(await times()).toEqual([NOW - 5 * MINUTE, NOW - 5 * MINUTE]);
  });

  test("is the library's own where it names that apart, and Segment's where Segment has corrected it", async () => {
    const clock = NOW + 90 * MINUTE;
    await track({ originalTimestamp: ISO(clock - MINUTE), timestamp: ISO(NOW - 7), sentAt: ISO(clock) });
    await track({ timestamp: ISO(NOW - 7), originalTimestamp: ISO(clock), sentAt: ISO(clock), receivedAt: ISO(NOW) });
    expect((await times()).sort()).toEqual([NOW - MINUTE, NOW - 7]);
  });

  test("is that of the receipt where the message has none", async () => {
    await track({ timestamp: undefined });
    expect(await recordsOf(log)).toMatchObject([{ timestamp: NOW }]);
    expect(await times()).toEqual([null]);
  });
});

test("a browser's own name is taken where the message has none, a server's is not", async () => {
  const message = call({ event: "Click" });
  await send("/v1/track", message, { headers: { "user-agent": "Server/1" } });
  const origin = collector.address;
  await send("/v1/track", { ...message, messageId: "n" }, { headers: { "user-agent": "Browser/1", origin } });
  expect((await events()).map(({ userAgent }) => userAgent).sort()).toEqual(["Browser/1", undefined]);
});
