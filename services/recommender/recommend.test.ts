import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Catalogue } from "./catalogue.ts";
import type { Interest, SeenPolicy } from "./history.ts";
import { HistoryModels } from "./history-models.ts";
import { ItemIndex } from "./item-index.ts";
import { type Neighbours, NO_MODEL, type Ranking } from "./model.ts";
import { type Question, recommend, type Shelf } from "./recommend.ts";

const ITEMS = 30;
const VERSION = { version: "v1", versionJson: '"v1"', createdAt: 0, metrics: {}, servedSince: 0, score: null };

type Pairs = readonly (readonly (readonly [item: number, weight: number])[])[];

function neighbours(pairs: Pairs): Neighbours {
  const rows = Array.from({ length: ITEMS }, (_, item) => pairs[item] ?? []);
  const end = Int32Array.from(rows, (_, at) => rows.slice(0, at + 1).flat().length);
  return {
    ...VERSION,
    algorithm: "itemNeighbours",
    start: Int32Array.from(rows, (_, at) => end[at - 1] ?? 0),
    end,
    items: Int32Array.from(rows.flat().map(([item]) => item)),
    weights: Float32Array.from(rows.flat().map(([, weight]) => weight)),
  };
}

function ranking(items: readonly number[]): Ranking {
  const scores = Float64Array.from(items, (_, at) => items.length - at);
  return { ...VERSION, algorithm: "popular", items: Int32Array.from(items), scores };
}

interface Given {
  readonly pairs: Pairs;
  readonly popular: readonly number[];
  readonly trending: readonly number[];
  readonly hidden: readonly number[];
  readonly inCategory: readonly number[];
  readonly seen: SeenPolicy;
}

function shelfOf({ pairs, popular, trending, hidden, inCategory, seen }: Given): Shelf {
  const items = new ItemIndex();
  const ids = Array.from({ length: ITEMS }, (_, at) => `item-${String(at).padStart(2, "0")}`);
  for (const id of ids) items.intern(id);
  const catalogue = new Catalogue(items);
  catalogue.apply(
    ids.map((itemId, at) => ({
      itemId,
      name: "",
      categories: inCategory.includes(at) ? ["sale"] : ["other"],
      price: null,
      hidden: hidden.includes(at),
      since: 0,
    })),
  );
  return {
    model: {
      ...NO_MODEL,
      champion: new HistoryModels(items).neighbours(neighbours(pairs)),
      popular: ranking(popular),
      trending: ranking(trending),
    },
    catalogue,
    seen,
    recentItems: () => [],
  };
}

const item = fc.integer({ min: 0, max: ITEMS - 1 });
const someItems = fc.uniqueArray(item, { maxLength: ITEMS });
const given = fc.record<Given>({
  pairs: fc.array(
    fc.uniqueArray(fc.tuple(item, fc.constantFrom(0, 0.25, 0.5, 0.5, 1)), { selector: ([id]) => id, maxLength: 10 }),
    { maxLength: ITEMS },
  ),
  popular: someItems,
  trending: someItems,
  hidden: someItems,
  inCategory: someItems,
  seen: fc.constantFrom("Exclude", "Decay", "Include"),
});
interface Asked extends Pick<Question, "history" | "limit" | "excluded"> {
  readonly filtered: boolean;
}

const asked = fc.record<Asked>({
  history: fc.uniqueArray(
    fc.record<Interest>({ item, strength: fc.constantFrom(0.5, 1, 2), freshness: fc.constantFrom(0, 0.5, 1) }),
    { selector: (interest) => interest.item, maxLength: 10 },
  ),
  limit: fc.integer({ min: 1, max: 100 }),
  excluded: fc.array(item).map((numbers) => new Set(numbers)),
  filtered: fc.boolean(),
});

function questionOf(shelf: Shelf, { history, limit, excluded, filtered }: Asked): Question {
  const category = filtered ? (shelf.catalogue.category("sale") ?? null) : undefined;
  const models = [shelf.model.champion];
  return { history, models, buckets: [], limit, excluded, category, fill: ["trending", "popular", "latest"] };
}

describe("recommend", () => {
  test("never a hidden, excluded or repeated item, nothing outside the category, and full when there are enough", () => {
    fc.assert(
      fc.property(given, asked, (shop, ask) => {
        const shelf = shelfOf(shop);
        const list = recommend(shelf, questionOf(shelf, ask)).map((recommendation) => recommendation.item);
        const seen = new Set(ask.history.map((interest) => interest.item));
        const allowed = Array.from({ length: ITEMS }, (_, at) => at).filter(
          (at) =>
            !shop.hidden.includes(at) &&
            !ask.excluded.has(at) &&
            !(ask.filtered && !shop.inCategory.includes(at)) &&
            !(shop.seen === "Exclude" && seen.has(at)),
        );
        expect(new Set(list).size).toBe(list.length);
        expect(list.filter((at) => !allowed.includes(at))).toEqual([]);
        expect(list.length).toBe(Math.min(ask.limit, allowed.length));
      }),
      { numRuns: 500 },
    );
  });

  test("the similar part is the plain sum, sorted, ties by item id", () => {
    fc.assert(
      fc.property(given, asked, (shop, ask) => {
        const shelf = shelfOf(shop);
        const question = questionOf(shelf, ask);
        const list = recommend(shelf, question).filter(({ source }) => source === "similar");
        const freshness = new Map(ask.history.map((interest) => [interest.item, interest.freshness]));
        const expected = Array.from({ length: ITEMS }, (_, candidate) => {
          let score = 0;
          for (const interest of ask.history) {
            for (const [neighbour, weight] of shop.pairs[interest.item] ?? []) {
              if (neighbour === candidate) score += interest.strength * weight;
            }
          }
          const left = freshness.get(candidate);
          if (left !== undefined && shop.seen !== "Include") score *= shop.seen === "Decay" ? left : 0;
          return { item: candidate, score };
        })
          .filter(
            (candidate) =>
              candidate.score > 0 &&
              !shop.hidden.includes(candidate.item) &&
              !ask.excluded.has(candidate.item) &&
              !(ask.filtered && !shop.inCategory.includes(candidate.item)),
          )
          .sort((a, b) => b.score - a.score || a.item - b.item)
          .slice(0, ask.limit);
        expect(list.map(({ item: number, score }) => ({ item: number, score }))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("the same state and question give the same answer, whatever was asked between", () => {
    fc.assert(
      fc.property(given, asked, asked, (shop, ask, other) => {
        const shelf = shelfOf(shop);
        const first = recommend(shelf, questionOf(shelf, ask));
        recommend(shelf, questionOf(shelf, other));
        expect(recommend(shelf, questionOf(shelf, ask))).toEqual(first);
        expect(recommend(shelfOf(shop), questionOf(shelf, ask))).toEqual(first);
      }),
    );
  });

  const SHOP: Given = {
    pairs: [
      [
        [1, 1],
        [2, 0.5],
      ],
      [[2, 1]],
      [],
      [[2, 0.25]],
    ],
    popular: [5, 0, 6],
    trending: [6, 7],
    hidden: [],
    inCategory: [],
    seen: "Decay",
  };
  const interest = (number: number, freshness = 0): Interest => ({ item: number, strength: 1, freshness });

  test("says which item of the history counted most, then fills from the sources in their order", () => {
    const shelf = shelfOf(SHOP);
    const { champion, popular, trending } = shelf.model;
    const list = recommend(shelf, {
      history: [interest(0), interest(3)],
      models: [champion],
      buckets: [],
      fill: ["trending", "popular", "latest"],
      limit: 6,
      excluded: new Set(),
      category: undefined,
    });
    expect(list).toEqual([
      { item: 1, score: 1, source: "similar", from: champion, because: 0 },
      { item: 2, score: 0.75, source: "similar", from: champion, because: 0 },
      { item: 6, score: 2, source: "trending", from: trending, because: undefined },
      { item: 7, score: 1, source: "trending", from: trending, because: undefined },
      { item: 5, score: 3, source: "popular", from: popular, because: undefined },
      { item: 4, score: 0, source: "latest", from: null, because: undefined },
    ]);
  });

  test("under Decay seen items come back with time, and at once only when nothing else is left", () => {
    const shelf = shelfOf(SHOP);
    const ask = (freshness: number, limit: number) =>
      recommend(shelf, {
        history: [interest(0), interest(1, freshness)],
        models: [shelf.model.champion],
        buckets: [],
        fill: ["popular", "latest"],
        limit,
        excluded: new Set(),
        category: undefined,
      }).map((recommendation) => recommendation.item);
    expect(ask(0, 2)).toEqual([2, 5]);
    expect(ask(0.9, 2)).toEqual([2, 1]);
    expect(ask(0, ITEMS).slice(-2)).toEqual([0, 1]);
  });

  test("a category that no item has gives an empty list", () => {
    const question = {
      history: [],
      models: [],
      buckets: [],
      fill: ["latest"],
      limit: 5,
      excluded: new Set<number>(),
      category: null,
    } as const;
    expect(recommend(shelfOf(SHOP), question)).toEqual([]);
  });
});
