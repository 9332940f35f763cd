import fc from "fast-check";
import { expect, test } from "vitest";
import { ago, bytes, change, count, counted, duration, metricName, moment, price, rate } from "./format.ts";

test("figures have thousands, units and as many digits as mean something", () => {
  expect(count(1_234_567)).toBe("1,234,567");
  expect([counted(1, "event"), counted(2_000, "event")]).toEqual(["1 event", "2,000 events"]);
  expect([0.1667, 12.4, 1_234].map(rate)).toEqual(["0.2", "12", "1,234"]);
  expect([512, 1_530, 12_000_000].map(bytes)).toEqual(["512 B", "1.53 kB", "12 MB"]);
  expect([5.23, -1].map(change)).toEqual(["+5.2 %", "−1.0 %"]);
  expect([metricName("ndcg@20"), metricName("hitRate@5"), metricName("arp")]).toEqual(["NDCG@20", "Hit rate@5", "arp"]);
});

test("times say their unit, and what was long ago is told in days", () => {
  const [second, hour] = [1_000, 3_600_000];
  expect([25, 1_500, 45 * second, 5 * 60 * second, 3 * hour, 72 * hour].map(duration)).toEqual([
    "25 ms",
    "1.5 s",
    "45 s",
    "5 min",
    "3 h",
    "3 d",
  ]);
  const now = Date.UTC(2026, 10, 28, 2, 41);
  expect([now - 500, now - 12_300, now + 5 * 60_000].map((at) => ago(at, now))).toEqual([
    "just now",
    "12 s ago",
    "in 5 min",
  ]);
  expect(moment(now)).toBe("28 Nov 2026, 02:41 UTC");
});

test("prices are in the item's currency, and never fail for one that a shop made up", () => {
  expect(price(1_299, "EUR")).toBe("€1,299.00");
  expect(price(5, "")).toBe("5.00");
  fc.assert(
    fc.property(
      fc.double({ noNaN: true }),
      fc.string(),
      (value, currency) => typeof price(value, currency) === "string",
    ),
  );
});
