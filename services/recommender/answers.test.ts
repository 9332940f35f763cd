import fc from "fast-check";
import { pino } from "pino";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { ACTOR_LIMITS, Actors } from "./actors.ts";
import { recommendationAnswers } from "./answers.ts";
import { Catalogue } from "./catalogue.ts";
import { HistoryModels } from "./history-models.ts";
import { ItemIndex } from "./item-index.ts";
import { recommenderMetrics } from "./metrics.ts";
import { NO_MODEL, type ServedModel } from "./model.ts";

const ITEMS = ["a", "b", "c", "d", "e", "f"];

/** A ring: each item's neighbours are the next two, or of another version the two before. */
function modelOf(items: ItemIndex, version: number): ServedModel {
  const forward = version % 2 === 0;
  const name = {
    version: `v${version}`,
    versionJson: `"v${version}"`,
    createdAt: 0,
    metrics: {},
    servedSince: 0,
    score: null,
  };
  const all = ITEMS.map((_, at) => at);
  const steps = forward ? [1, 2] : [ITEMS.length - 1, ITEMS.length - 2];
  return {
    ...NO_MODEL,
    champion: new HistoryModels(items).neighbours({
      ...name,
      algorithm: "itemNeighbours",
      start: Int32Array.from(all, (at) => at * 2),
      end: Int32Array.from(all, (at) => at * 2 + 2),
      items: Int32Array.from(all.flatMap((at) => steps.map((step) => (at + step) % ITEMS.length))),
      weights: Float32Array.from(all.flatMap(() => [1, 0.5])),
    }),
    popular: {
      ...name,
      algorithm: "popular",
      items: Int32Array.from(all),
      scores: Float64Array.from(all, (at) => 10 - at),
    },
  };
}

function shopOf() {
  const items = new ItemIndex();
  for (const id of ITEMS) items.intern(id);
  const catalogue = new Catalogue(items);
  const actors = new Actors({
    items,
    store: { read: async (actors) => ({ actors, links: [], signals: [] }) },
    interest: { weights: new Map([["view", 1]]), halfLifeDays: 30 },
    limits: { ...ACTOR_LIMITS, actors: 100, absences: 100 },
    now: () => 0,
    onLoad: () => undefined,
  });
  const shop = { items, catalogue, actors, model: NO_MODEL };
  const answersWith = (answerBytes: number) =>
    recommendationAnswers({
      items,
      actors,
      shelf: () => ({
        model: shop.model,
        catalogue,
        seen: "Decay",
        recentItems: () => actors.recentItems(),
      }),
      answerBytes,
      metrics: recommenderMetrics(new Registry(), {
        model: () => undefined,
        refusedModels: () => 0,
        actors: () => 0,
        actorBytes: () => 0,
        catalogueItems: () => 0,
        tailLag: () => 0,
      }),
      latency: { record: () => {} },
      neighbours: async () => null,
      now: () => 0,
      elapsed: () => 0,
      logger: pino({ level: "silent" }),
    });
  return { shop, answersWith };
}

const user = fc.constantFrom("ann", "ann", "bob");
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ ask: user, limit: fc.constantFrom(2, 2, 2, 3, 10), exclude: fc.constantFrom("", "", "a") }),
  },
  fc.record({ view: user, item: fc.constantFrom(...ITEMS, "unheard-of") }),
  fc.record({ change: fc.constantFrom(...ITEMS), hidden: fc.boolean(), price: fc.constantFrom(1, 2) }),
  fc.record({ publish: fc.integer({ min: 0, max: 3 }) }),
);

describe("answers that are kept", () => {
  test("are the ones that would be computed anew, whatever happens between", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const { shop, answersWith } = shopOf();
        const keeping = answersWith(1_000_000);
        const computing = answersWith(0);
        shop.model = modelOf(shop.items, 0);
        for (const [at, event] of steps.entries()) {
          if ("ask" in event) {
            const exclude = event.exclude === "" ? "" : `&exclude=${event.exclude}`;
            const url = `/v1/recommendations/users/${event.ask}?limit=${event.limit}${exclude}`;
            expect(await keeping({ method: "GET", url })).toEqual(await computing({ method: "GET", url }));
          } else if ("view" in event) {
            const signal = { actorId: event.view, event: "view", itemId: event.item, quantity: 1 };
            shop.actors.apply([{ ...signal, occurredAt: at, eventId: String(at) }]);
          } else if ("change" in event) {
            const { change: itemId, hidden, price } = event;
            shop.catalogue.apply([{ itemId, name: "", categories: [], price, hidden, since: 0 }]);
          } else {
            shop.model = modelOf(shop.items, event.publish);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("are the very same object until something changes", async () => {
    const { shop, answersWith } = shopOf();
    const answer = answersWith(1_000_000);
    const ask = () => answer({ method: "GET", url: "/v1/recommendations/users/ann?limit=1" });
    shop.model = modelOf(shop.items, 0);
    await ask();
    shop.actors.apply([{ actorId: "ann", event: "view", itemId: "a", occurredAt: 1, quantity: 1, eventId: "1" }]);
    const first = ask();
    expect(ask()).toBe(first);
    shop.actors.apply([{ actorId: "ann", event: "view", itemId: "d", occurredAt: 2, quantity: 1, eventId: "2" }]);
    expect(ask()).not.toBe(first);
  });
});
