import { expect, it } from "vitest";
import { createShop, type ShopEvent } from "./index.ts";

const START = Date.UTC(2024, 0, 1);
const AT = 20;

/** Items of each signed-in user, in order, each once. */
function histories(events: readonly ShopEvent[]): Map<string, Set<string>> {
  const byUser = new Map<string, Set<string>>();
  for (const { userId, item } of events) {
    if (userId === "") continue;
    const items = byUser.get(userId) ?? new Set();
    byUser.set(userId, items.add(item.itemId));
  }
  return byUser;
}

function top(scores: ReadonlyMap<string, number>, seen: ReadonlySet<string>): string[] {
  const unseen = [...scores].filter(([item]) => !seen.has(item));
  return unseen
    .sort((one, other) => other[1] - one[1])
    .slice(0, AT)
    .map(([item]) => item);
}

it("co-occurrence predicts the later items of a user far better than popularity does", () => {
  const events = [...createShop({ seed: 1, start: START }).events({ count: 80_000 })];
  const cut = Math.floor(events.length * 0.8);
  const train = histories(events.slice(0, cut));
  const test = histories(events.slice(cut));

  const popularity = new Map<string, number>();
  const together = new Map<string, Map<string, number>>();
  for (const items of train.values()) {
    for (const one of items) {
      popularity.set(one, (popularity.get(one) ?? 0) + 1);
      const row = together.get(one) ?? new Map<string, number>();
      together.set(one, row);
      for (const other of items) if (other !== one) row.set(other, (row.get(other) ?? 0) + 1 / items.size);
    }
  }

  let users = 0;
  let popularRecall = 0;
  let neighbourRecall = 0;
  for (const [user, later] of test) {
    const seen = train.get(user);
    const targets = new Set([...later].filter((item) => seen?.has(item) === false));
    if (seen === undefined || targets.size === 0) continue;
    const scores = new Map<string, number>();
    for (const item of seen) {
      for (const [other, weight] of together.get(item) ?? []) {
        const lift = weight / Math.sqrt((popularity.get(item) ?? 1) * (popularity.get(other) ?? 1));
        scores.set(other, (scores.get(other) ?? 0) + lift);
      }
    }
    const recall = (predicted: readonly string[]) =>
      predicted.filter((item) => targets.has(item)).length / targets.size;
    users += 1;
    popularRecall += recall(top(popularity, seen));
    neighbourRecall += recall(top(scores, seen));
  }
  expect(users).toBeGreaterThan(300);
  expect(popularRecall / users).toBeGreaterThan(0.04);
  expect(neighbourRecall / users).toBeGreaterThan(0.2);
  expect(neighbourRecall).toBeGreaterThan(2 * popularRecall);
});
