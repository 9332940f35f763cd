import { describe, expect, it } from "vitest";
import { createShop, FORMATS, type FormatName, type ShopEvent } from "../index.ts";

const EVENTS: readonly ShopEvent[] = [
  ...createShop({ seed: 2, start: Date.UTC(2024, 0, 1) }).events({ count: 30_000 }),
];

function written(format: FormatName): { events: readonly ShopEvent[]; lines: string[] } {
  const events = EVENTS.filter(FORMATS[format].accepts);
  return { events, lines: [...FORMATS[format].lines(events)] };
}

function records(format: FormatName) {
  return written(format).lines.map((line) => JSON.parse(line));
}

describe("format", () => {
  it("seed: clicks and checkouts of signed-in users with the fields of the two topics", () => {
    const { events, lines } = written("seed");
    expect(lines).toHaveLength(events.length);
    const all = lines.map((line) => JSON.parse(line));
    const checkout = all.find((record) => "checkout_id" in record);
    expect(Object.keys(all.find((record) => "click_id" in record))).toEqual(
      "click_id user_id product_id product price url user_agent ip_address datetime_occured".split(" "),
    );
    expect(Object.keys(checkout)).toEqual(
      "checkout_id user_id product_id payment_method total_amount shipping_address billing_address user_agent ip_address datetime_occured".split(
        " ",
      ),
    );
    expect(checkout.datetime_occured).toMatch(/^2024-01-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
  });

  it("segment: an order is one call with its products and their total", () => {
    const orders = records("segment").filter(({ event }) => event === "Order Completed");
    const purchases = EVENTS.filter(({ event }) => event === "purchase");
    expect(new Set(orders.map(({ properties }) => properties.order_id)).size).toBe(orders.length);
    expect(orders.flatMap(({ properties }) => properties.products)).toHaveLength(purchases.length);
    expect(orders.length).toBeLessThan(purchases.length);
    for (const { properties } of orders) {
      const sum = properties.products.reduce((total: number, line: { value: number }) => total + line.value, 0);
      expect(properties.total).toBeCloseTo(sum, 6);
    }
  });

  it("retailrocket: a header, then four columns, numbers but for the event", () => {
    const { events, lines } = written("retailrocket");
    expect(lines[0]).toBe("timestamp_s,user,event,item");
    expect(lines).toHaveLength(events.length + 1);
    expect(lines.slice(1).every((line) => /^\d{10},\d+,(view|addtocart|transaction),\d+$/.test(line))).toBe(true);
  });

  it("otto: each session once, whole, its events in order of time", () => {
    const sessions = records("otto");
    expect(new Set(sessions.map(({ session }) => session)).size).toBe(sessions.length);
    expect(sessions.flatMap(({ events }) => events)).toHaveLength(written("otto").events.length);
    for (const { events } of sessions) {
      const times = events.map(({ ts }: { ts: number }) => ts);
      expect(times).toEqual(times.toSorted((one: number, other: number) => one - other));
    }
  });

  it("uci: refunds are negative quantities on an invoice that begins with C", () => {
    const rows = records("uci");
    const refunds = rows.filter(({ Quantity }) => Quantity < 0);
    expect(refunds.length).toBe(EVENTS.filter(({ event }) => event === "refund").length);
    expect(refunds.every(({ InvoiceNo }) => InvoiceNo.startsWith("C"))).toBe(true);
    expect(rows.some(({ CustomerID }) => CustomerID === null)).toBe(true);
  });
});
