import { expect, test } from "vitest";
import type { Item } from "../console/shop.ts";
import { accountPage, itemPage, layout, recommendedList } from "./pages.ts";

const HOSTILE = `"><script>alert('x')</script>`;

function item(id: string, name: string, more: Partial<Item> = {}): Item {
  const facts = { description: "", categories: [], tags: [], price: 5, currency: "EUR", stock: 3, hidden: false };
  return { id, name, ...facts, createdAt: 0, picture: null, attributes: { brand: "" }, ...more };
}

function answer(...items: { item: string; because?: string }[]) {
  return {
    model: {},
    items: items.map(({ item, because }) => ({
      ...{ item, score: 1 },
      reason: because === undefined ? { type: "popular" } : { type: "similar", because },
    })),
  };
}

test("escapes whatever the tables hold, in texts and in attributes", () => {
  const nothing = recommendedList(null, new Map());
  const product = item(HOSTILE, HOSTILE, {
    description: HOSTILE,
    categories: [HOSTILE],
    attributes: { brand: HOSTILE },
  });
  for (const page of [
    itemPage(product, nothing, nothing),
    accountPage([{ id: HOSTILE, username: HOSTILE }], nothing),
  ]) {
    expect(layout(page).toString()).not.toContain("<script>alert");
  }
});

test("says what the snippet is told of a look, the cart and an order", () => {
  const page = itemPage(item("7", "Lamp"), recommendedList(null, new Map()), recommendedList(null, new Map()));
  const said = [...page.body.toString().matchAll(/data-(?:seen|call)="([^"]+)"/g)].map(([, text = ""]) =>
    JSON.parse(text.replaceAll("&quot;", '"')),
  );
  const product = { product_id: "7", name: "Lamp", price: 5, currency: "EUR" };
  expect(said).toEqual([
    ["view", product],
    ["add", { ...product, quantity: 1 }],
    ["purchase", { currency: "EUR", products: [{ product_id: "7", price: 5, quantity: 1 }] }],
  ]);
});

test("does not sell what is sold out", () => {
  const page = itemPage(
    item("7", "Lamp", { stock: 0 }),
    recommendedList(null, new Map()),
    recommendedList(null, new Map()),
  );
  expect(page.body.toString().match(/<button[^>]*disabled/g)).toHaveLength(2);
});

test("recommends with a reason what the shop sells, and nothing that it does not know", () => {
  const items = new Map([item("lamp", "Lamp"), item("desk", "Desk")].map((one) => [one.id, one]));
  const list = recommendedList(answer({ item: "lamp", because: "desk" }, { item: "gone" }, { item: "desk" }), items);
  const text = list.toString();
  expect([...text.matchAll(/href="([^"]+)"/g)].map(([, url]) => url)).toEqual(["/items/lamp", "/items/desk"]);
  expect(text).toContain("Goes with Desk");
  expect(text).toContain("Popular");
});

test("says what is missing where there is nothing to recommend", () => {
  expect(recommendedList(null, new Map()).toString()).toContain("does not answer yet");
  expect(recommendedList(answer({ item: "gone" }), new Map()).toString()).toContain("knows no product");
});
