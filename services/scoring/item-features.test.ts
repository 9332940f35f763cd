import { expect, test } from "vitest";
import { ITEM_FEATURE_NAMES, ItemFeatures } from "./item-features.ts";
import { bucketsOf } from "./request-context.ts";

const KNOWN = new ItemFeatures(
  [
    { item: 1, names: ["age", "popularity", "price", "recency"], values: [0.25, 0.5, Math.log(10), 0.75] },
    {
      item: 4,
      names: ["affinity.device", "affinity.device.mobile", "affinity.hour.20", "price"],
      values: [-0.5, 1.5, 0.25, Math.log(40)],
    },
  ],
  6,
);

function featuresOf(item: number, asker: Partial<Parameters<ItemFeatures["writer"]>[0]> = {}) {
  const into = new Float64Array(ITEM_FEATURE_NAMES.length);
  KNOWN.writer({ buckets: [], history: [], weights: [], ...asker })(item, into, 0);
  return Object.fromEntries(ITEM_FEATURE_NAMES.map((name, at) => [name, into[at]]));
}

test("what is known of an item, and 0 for what is not", () => {
  expect(featuresOf(1)).toMatchObject({ popularity: 0.5, recency: 0.75, age: 0.25, priceDistance: 0 });
  for (const item of [0, 2, 5]) expect(Object.values(featuresOf(item)).every((value) => value === 0)).toBe(true);
});

test("a price is compared with the mean of what was liked before, by weight, on the scale of logarithms", () => {
  const asker = { history: [1, 4, 0], weights: [1, 0.5, 9] };
  const usual = (Math.log(10) + 0.5 * Math.log(40)) / 1.5;
  expect(featuresOf(4, asker).priceDistance).toBeCloseTo(Math.log(40) - usual, 5);
  expect(featuresOf(1, asker).priceDistance).toBeCloseTo(usual - Math.log(10), 5);
});

test("an affinity is that of the request's bucket; that of none where the item was never seen in it", () => {
  const at = Date.UTC(2026, 10, 28, 20, 59);
  expect(bucketsOf({ at, device: "mobile", country: "" })).toEqual([
    "hour.20",
    "partOfDay.evening",
    "dayType.weekend",
    "device.mobile",
  ]);
  const asked = (device: string) => featuresOf(4, { buckets: bucketsOf({ at, device, country: "NL" }) });
  expect(asked("mobile")).toMatchObject({ "affinity.device": 1.5, "affinity.hour": 0.25, "affinity.country": 0 });
  expect(asked("desktop")).toMatchObject({ "affinity.device": -0.5 });
  expect(asked("")).toMatchObject({ "affinity.device": 0 });
});
