/** What the trainer judges is what the recommender serves: the same lists for the same histories. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type ClickHouse,
  pointAliases,
  readAliases,
  readContent,
  recordVersion,
} from "../../services/clickhouse/index.ts";
import { HistoryModels } from "../../services/recommender/history-models.ts";
import { ItemIndex } from "../../services/recommender/item-index.ts";
import { ModelLoader } from "../../services/recommender/model-loader.ts";
import type { Parameters } from "../../services/trainer/algorithms/algorithm.ts";
import { itemNeighbours } from "../../services/trainer/algorithms/item-neighbours/index.ts";
import { createAlgorithms, promote, rollBack, train } from "../../services/trainer/index.ts";
import { recipeOf } from "../../services/trainer/recipes.ts";
import { migratedDatabase } from "../fixtures/clickhouse.ts";
import { type ActivityRow, ranked, withFit } from "../fixtures/fit.ts";
import { startTestRecommender, temporaryLog } from "../fixtures/recommender.ts";
import { TRAINING } from "../fixtures/training.ts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);

/** 90 shoppers of three tastes, ten days, three items a day of 20 that go with the taste, now and then another one. */
const ACTIVITY: ActivityRow[] = Array.from({ length: 90 * 10 * 3 }, (_, number) => {
  const [shopper, day, visit] = [Math.floor(number / 30), Math.floor(number / 3) % 10, number % 3];
  const chance = (shopper * 7919 + day * 104_729 + visit * 1_299_709) % 1_009;
  const taste = chance % 8 === 0 ? chance % 3 : shopper % 3;
  return {
    actor_id: `shopper ${String(shopper).padStart(2, "0")}`,
    item_id: `item ${String(taste * 20 + (chance % 20)).padStart(2, "0")}`,
    occurred_at: START + day * DAY + shopper * 60_000 + visit * 10_000,
  };
});

const EVENTS = ACTIVITY.map((row, number) => ({
  ...row,
  event_id: String(number),
  event: "view",
  user_id: row.actor_id,
  quantity: 1,
  ingested_at: row.occurred_at,
}));

const NAMES = ["popular", "trending", "itemNeighbours", "sessionNeighbours", "factorisation", "neural", "hybrid"];
const PARAMETERS = { factorisation: { factors: 16, passes: 4 }, neural: { factors: 16, epochs: 4 } };

/** The item touched last first. */
const HISTORIES = [[3, 14, 7], [25], [41, 58, 47, 50], [2, 33]];

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

describe("a list", () => {
  test.for(NAMES)("of %s is served as it was judged", async (name) => {
    const algorithms = createAlgorithms(NAMES, PARAMETERS);
    await withFit(clickhouse, ACTIVITY, async (context) => {
      const versionOf = (algorithm: string) => `${algorithm}-${name}`;
      for (const algorithm of algorithms) {
        if (algorithm.name !== name && name !== "hybrid") continue;
        const fitName = `fit_${algorithm.name}`;
        const model = await algorithm.fit({ ...context, name: fitName });
        const version = versionOf(algorithm.name);
        await model.store(version);
        const components = recipeOf(algorithm).components?.map((one) => [one.algorithm, versionOf(one.algorithm)]);
        await recordVersion(clickhouse, {
          ...(await readContent(clickhouse, version)),
          ...{ version, algorithm: algorithm.name, status: "published", reason: "", metrics: {}, fitSeconds: 0 },
          configuration: {
            parameters: algorithm.parameters,
            ...(components === undefined ? {} : { components: Object.fromEntries(components) }),
          },
          ...{ dataFrom: null, dataTo: context.window.watermark, events: 0, actors: 0, items: 0, createdAt: 0 },
        });
        if (algorithm.name === name) {
          const asked = HISTORIES.map((history) => ({
            history: history.toSorted((a, b) => a - b),
            recent: history,
            masked: history,
          }));
          const judged = await ranked(context.work, model, asked, 10);
          const items = new ItemIndex();
          const models = new HistoryModels(items);
          const loader = new ModelLoader({ clickhouse, items, models, now: () => 0 });
          const { asHistoryModel } = await loader.load(version);
          const idOf = (item: number) => `item ${String(item).padStart(2, "0")}`;
          const served = HISTORIES.map((history) => {
            const seen = new Set(history.map((item) => items.intern(idOf(item))));
            const interests = history.map((item) => ({ item: items.intern(idOf(item)), strength: 1, freshness: 0 }));
            const list = asHistoryModel.rank(interests, 10, (item) => (seen.has(item) ? 0 : 1), []);
            return list.map(({ item }) => items.id(item));
          });
          expect(served).toEqual(judged.map((list) => list.map(([item]) => idOf(item))));
          expect(served.flat().length).toBeGreaterThan(20);
        }
        await model.close?.();
      }
    });
  });
});

describe("a run", () => {
  test("of hybrid publishes it with its components, and a recommender answers by it", async () => {
    const shop = await migratedDatabase();
    await shop.insert("events", EVENTS);
    const names = ["itemNeighbours", "sessionNeighbours", "hybrid"];
    const result = await train(
      shop,
      { ...TRAINING, algorithms: names },
      { now: () => START + 11 * DAY, log: { info: () => {}, warn: () => {} } },
    );
    const champion = result.versions.find((version) => version.champion)!;
    expect(champion.algorithm).toBe("hybrid");
    const items = new ItemIndex();
    const loader = new ModelLoader({ clickhouse: shop, items, models: new HistoryModels(items), now: () => 0 });
    const { asHistoryModel, versions } = await loader.load(champion.version);
    expect(versions.map((version) => version.split("-")[0]).sort()).toEqual(
      ["hybrid", "itemNeighbours", "popular", "sessionNeighbours", "trending"].sort(),
    );
    const history = [{ item: items.intern("item 03"), strength: 1, freshness: 0 }];
    expect(asHistoryModel.rank(history, 10, () => 1, [])).toHaveLength(10);
    const again = await train(
      shop,
      { ...TRAINING, algorithms: names },
      { now: () => START + 12 * DAY, log: { info: () => {}, warn: () => {} } },
    );
    expect(again.result).toBe("Refreshed");
    expect(await promote(shop, champion.version, START + 13 * DAY)).toMatchObject({ version: champion.version });
    await shop.close();
  }, 120_000);
});

describe("going back", () => {
  test("gives the earlier answers at once", async () => {
    const shop = await migratedDatabase();
    await shop.insert("events", EVENTS);
    const log = await temporaryLog();
    const now = () => START + 10 * DAY;
    const recommender = await startTestRecommender({ clickhouse: shop, log, seen: "Exclude", now });
    const trainWith = async (parameters: Parameters, hour: number) => {
      const result = await train(shop, TRAINING, {
        now: () => START + 11 * DAY + hour * 3_600_000,
        log: { info: () => {}, warn: () => {} },
        create: (names, given = {}) =>
          createAlgorithms(names, given).map((one) =>
            one.name === "itemNeighbours" && given.itemNeighbours === undefined ? itemNeighbours(parameters) : one,
          ),
      });
      expect(result.result).toBe("Promoted");
    };
    const asked = async () => {
      const users = ["shopper 00", "shopper 01", "shopper 02", "shopper 33"];
      const found = await Promise.all(
        users.map((user) =>
          recommender.answer({ method: "GET", url: `/v1/recommendations/users/${encodeURIComponent(user)}` }),
        ),
      );
      return found.map(({ body }) => JSON.parse(String(body)) as { items: { item: string }[] });
    };
    // On a slow machine an answer does not wait for a history.
    const answers = async () => {
      await recommender.refresh();
      return vi.waitUntil(
        async () => {
          const found = await asked();
          return found.every(({ items }) => items.some(isPersonal)) && found;
        },
        { timeout: 30_000, interval: 100 },
      );
    };
    await trainWith({ neighbours: 1 }, 1);
    const first = await answers();
    expect(first[0]!.items.length).toBeGreaterThan(0);
    await trainWith({}, 2);
    const second = await answers();
    expect(second).not.toEqual(first);
    const before = (await readAliases(shop)).get("champion");
    expect(await rollBack(shop, START + 12 * DAY)).toMatchObject({ replaces: before });
    const again = await answers();
    expect(again.map(({ items }) => items.filter(isPersonal))).toEqual(
      first.map(({ items }) => items.filter(isPersonal)),
    );
    await expect(rollBack(shop, START + 13 * DAY)).rejects.toThrow(/^nothing answered users before itemNeighbours-/);

    const earlier = (await readAliases(shop)).get("champion");
    await promote(shop, before!, START + 14 * DAY);
    const meanwhile: ClickHouse = {
      ...shop,
      // Somebody else goes back while the rows of the earlier version are looked at.
      async query(sql, parameters) {
        const to = new Map([["champion", earlier!]]);
        if (sql.includes("FROM model_versions")) await pointAliases(shop, to, START + 15 * DAY, "rollback");
        return shop.query(sql, parameters);
      },
    };
    await expect(rollBack(meanwhile, START + 16 * DAY, before)).rejects.toThrow(/somebody moved it meanwhile$/);
    await recommender.close();
    await log.close();
    await shop.close();
  }, 120_000);
});

function isPersonal(item: object): boolean {
  return "reason" in item && (item.reason as { readonly type: string }).type === "similar";
}
