import { beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { TRAINING as SHOP_TRAINING } from "../../test/fixtures/training.ts";
import { type ClickHouse, openClickHouse } from "../clickhouse/index.ts";
import { verify } from "../clickhouse/model-checksum.ts";
import { listVersions, readAliases } from "../clickhouse/models.ts";
import type { Algorithm } from "./algorithms/algorithm.ts";
import { ALGORITHMS, createAlgorithms } from "./algorithms/index.ts";
import { type TrainingDependencies, type TrainingOptions, train } from "./index.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);

const TRAINING: TrainingOptions = { ...SHOP_TRAINING, algorithms: ["itemNeighbours", "hyperbolic"], keepVersions: 2 };

const silent = { info: () => {}, warn: () => {} };

/** A clock that moves by a second each time it is looked at. */
function clock(start: number): () => number {
  let time = start;
  return () => {
    time += 1_000;
    return time;
  };
}

function dependencies(start: number, more: Partial<TrainingDependencies> = {}): TrainingDependencies {
  return { now: clock(start), log: silent, ...more };
}

/** Shoppers of two tastes: those of even number view even items, the others odd ones; ten days, one visit a day. */
async function fillShop(clickhouse: ClickHouse): Promise<void> {
  const rows = [];
  for (let shopper = 0; shopper < 40; shopper += 1) {
    for (let day = 0; day < 10; day += 1) {
      const item = 2 * ((shopper * 7 + day * 4) % 15) + (shopper % 2);
      rows.push({
        event_id: `${shopper}/${day}`,
        event: day % 5 === 4 ? "purchase" : "view",
        actor_id: `shopper ${shopper}`,
        item_id: `item ${item}`,
        occurred_at: START + day * 24 * HOUR + shopper * 60_000,
        quantity: 1,
        ingested_at: START + 11 * 24 * HOUR,
      });
    }
  }
  await clickhouse.insert("events", rows);
}

async function workTables(clickhouse: ClickHouse): Promise<string[]> {
  const rows = await clickhouse.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'training%' ORDER BY name",
  );
  return rows.map((row) => row.name);
}

function modelRows(clickhouse: ClickHouse, version: string): Promise<object[]> {
  return clickhouse.query(
    `SELECT item_id, neighbours, weights, 0 AS score FROM model_neighbours WHERE version = {version:String}
     UNION ALL SELECT item_id, [], [], score FROM model_rankings WHERE version = {version:String} ORDER BY item_id`,
    { version },
  );
}

describe("train", () => {
  let clickhouse: ClickHouse;
  beforeAll(async () => {
    clickhouse = await migratedDatabase();
    await fillShop(clickhouse);
  });

  test("publishes each algorithm with its figures, and leaves no work table", async () => {
    const steps: number[] = [];
    const result = await train(
      clickhouse,
      TRAINING,
      dependencies(Date.UTC(2026, 10, 23, 6, 41), { onProgress: (progress) => steps.push(progress.share) }),
    );
    expect(result.result).toBe("Promoted");
    expect(result.events).toBe(400);
    expect(result.notices).toEqual(["algorithm hyperbolic is not in this release and was skipped"]);
    expect(result.versions.map((v) => [v.algorithm, v.status])).toEqual([
      ["popular", "published"],
      ["trending", "published"],
      ["itemNeighbours", "published"],
    ]);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps.at(-1)).toBe(1);
    expect(await workTables(clickhouse)).toEqual([]);

    const neighbours = result.versions[2]!;
    expect(neighbours.version).toMatch(/^itemNeighbours-20261123T0641\d\dZ-[0-9a-f]{4}$/);
    expect(neighbours.metrics["ndcg@5"]).toBeGreaterThan(result.versions[0]!.metrics["ndcg@5"]!);
    expect(neighbours).toMatchObject({ champion: true, lift: { low: expect.any(Number) } });
    expect(neighbours.lift!.low).toBeGreaterThan(0);
    expect(await readAliases(clickhouse)).toEqual(
      new Map([...result.versions.map((v) => [v.algorithm, v.version] as const), ["champion", neighbours.version]]),
    );

    const listed = await listVersions(clickhouse);
    const recorded = listed.find((version) => version.version === neighbours.version)!;
    expect(recorded).toMatchObject({
      status: "published",
      reason: "",
      available: true,
      dataFrom: START,
      dataTo: START + 9 * 24 * HOUR + 39 * 60_000,
      events: 400,
      actors: 40,
      items: 30,
      entries: 30,
      metrics: neighbours.metrics,
    });
    expect(recorded.configuration).toMatchObject({ parameters: { alpha: 0.6, power: 0.7 }, lookbackDays: 90 });
    expect(recorded.fitSeconds).toBeGreaterThan(0);
    expect(await verify(clickhouse, recorded.version, recorded)).toEqual({ ok: true });
  });

  test("neighbours are of one taste", async () => {
    const version = (await readAliases(clickhouse)).get("itemNeighbours");
    const rows = await clickhouse.query<{ item_id: string; neighbours: string[] }>(
      "SELECT item_id, neighbours FROM model_neighbours WHERE version = {version:String}",
      { version },
    );
    const parity = (item: string) => Number(item.split(" ")[1]) % 2;
    for (const row of rows) {
      expect(row.neighbours.length).toBeGreaterThan(0);
      expect(row.neighbours.every((item) => parity(item) === parity(row.item_id))).toBe(true);
    }
  });

  test("the same data gives the same model; rows that changed are noticed", async () => {
    const first = await readAliases(clickhouse);
    const result = await train(clickhouse, TRAINING, dependencies(Date.UTC(2026, 10, 23, 7)));
    for (const { algorithm, version } of result.versions) {
      expect(await modelRows(clickhouse, version)).toEqual(await modelRows(clickhouse, first.get(algorithm)!));
    }
    const popular = result.versions[0]!.version;
    const manifest = (await listVersions(clickhouse)).find((version) => version.version === popular)!;
    await clickhouse.insert("model_rankings", [{ version: popular, rank: 99, item_id: "stray", score: 1 }]);
    expect(await verify(clickhouse, popular, manifest)).toEqual({
      ok: false,
      reason: `model ${popular} has 31 rows, its manifest says 30`,
    });
    expect(await verify(clickhouse, popular, { ...manifest, entries: 31 })).toMatchObject({
      ok: false,
      reason: expect.stringContaining("checksum"),
    });
  });

  test("the newest versions stay, and what an alias names; older ones keep their record", async () => {
    const result = await train(clickhouse, TRAINING, dependencies(Date.UTC(2026, 10, 23, 8)));
    expect(result.pruned).toHaveLength(3);
    const listed = await listVersions(clickhouse);
    expect(listed).toHaveLength(9);
    expect(listed.filter((version) => version.available)).toHaveLength(6);
    const pinned = listed.findLast((version) => version.algorithm === "popular" && version.available)!.version;
    await clickhouse.insert("model_aliases", [
      { alias: "pinned", version: pinned, updated_at: Date.UTC(2026, 10, 23, 9) },
    ]);
    await train(clickhouse, TRAINING, dependencies(Date.UTC(2026, 10, 23, 10)));
    const available = (await listVersions(clickhouse)).filter((version) => version.available);
    expect(available.map((version) => version.version)).toContain(pinned);
    expect(available).toHaveLength(7);
  });

  test("two trainers at once do not disturb each other", async () => {
    const second = await openClickHouse(clickhouse.target, clickhouse.database);
    const results = await Promise.all([
      train(clickhouse, TRAINING, dependencies(Date.UTC(2026, 10, 23, 11))),
      train(second, TRAINING, dependencies(Date.UTC(2026, 10, 23, 11))),
    ]);
    const listed = await listVersions(clickhouse);
    for (const result of results) {
      expect(result.result).toBe("Refreshed");
      for (const { version } of result.versions) {
        const recorded = listed.find((candidate) => candidate.version === version)!;
        expect(await verify(clickhouse, version, recorded)).toEqual({ ok: true });
      }
    }
    expect(await workTables(clickhouse)).toEqual([]);
  });

  test("an algorithm that fails says why, the others are published, no row of it stays", async () => {
    const failing: Algorithm = {
      ...ALGORITHMS.get("trending")!,
      async fit(context) {
        const model = await ALGORITHMS.get("trending")!.fit(context);
        return {
          ...model,
          async store(version) {
            await model.store(version);
            await context.work.run("SELECT throwIf(1, 'the disk is full')");
          },
        };
      },
    };
    const before = (await readAliases(clickhouse)).get("trending");
    const result = await train(
      clickhouse,
      TRAINING,
      dependencies(Date.UTC(2026, 10, 23, 12), {
        create: (names, parameters) =>
          createAlgorithms(names, parameters).map((one) => (one.name === "trending" ? failing : one)),
      }),
    );
    expect(result.result).toBe("Refreshed");
    const failed = result.versions.find((version) => version.algorithm === "trending")!;
    expect(failed).toMatchObject({ status: "failed", reason: expect.stringContaining("the disk is full") });
    expect(await modelRows(clickhouse, failed.version)).toEqual([]);
    expect((await readAliases(clickhouse)).get("trending")).toBe(before);
    expect(await workTables(clickhouse)).toEqual([]);
  });
});

describe("train on little", () => {
  test("below minEvents it says so and writes nothing", async () => {
    const clickhouse = await migratedDatabase();
    const empty = await train(clickhouse, TRAINING, dependencies(START));
    expect(empty).toMatchObject({ result: "NotEnoughData", events: 0, versions: [] });
    await fillShop(clickhouse);
    const few = await train(clickhouse, { ...TRAINING, minEvents: 401 }, dependencies(START));
    expect(few).toMatchObject({ result: "NotEnoughData", events: 400 });
    expect(few.notices[1]).toMatch(/^400 events .* training begins at 401$/);
    expect(await listVersions(clickhouse)).toEqual([]);
  });

  test("where everybody comes once nothing can be compared, and the first model is served", async () => {
    const clickhouse = await migratedDatabase();
    await clickhouse.insert(
      "events",
      Array.from({ length: 200 }, (_, number) => ({
        event_id: `${number}`,
        event: "view",
        actor_id: `visitor ${Math.floor(number / 2)}`,
        item_id: `item ${(Math.floor(number / 2) % 2) * 3 + (number % 3)}`,
        occurred_at: START + Math.floor(number / 2) * HOUR,
        quantity: 1,
        ingested_at: START,
      })),
    );
    const result = await train(clickhouse, TRAINING, dependencies(START));
    expect(result.result).toBe("Promoted");
    expect(result.versions.find(({ champion }) => champion)).toMatchObject({ algorithm: "itemNeighbours", lift: null });
    const again = await train(clickhouse, TRAINING, dependencies(START + HOUR));
    expect(again.result).toBe("Refreshed");
  });

  test("a model that tells nothing apart is refused", async () => {
    const clickhouse = await migratedDatabase();
    await clickhouse.insert(
      "events",
      Array.from({ length: 10 }, (_, index) => ({
        event_id: `${index}`,
        event: "view",
        actor_id: `${index}`,
        item_id: `item ${index}`,
        occurred_at: START,
        quantity: 1,
        ingested_at: START,
      })),
    );
    const result = await train(clickhouse, { ...TRAINING, minEvents: 1 }, dependencies(START));
    expect(result.result).toBe("Refused");
    expect(result.versions.map((version) => [version.algorithm, version.status, version.reason])).toEqual([
      ["popular", "refused", "all scores are equal"],
      ["trending", "refused", "all scores are equal"],
      ["itemNeighbours", "refused", "no two items were touched by one actor"],
    ]);
    expect(await readAliases(clickhouse)).toEqual(new Map());
  });

  test("an event that came again counts once, as it came last; a refund takes its purchase back", async () => {
    const clickhouse = await migratedDatabase();
    const event = (event_id: string, event: string, actor_id: string, item_id: string, ingested_at = 0) => ({
      event_id,
      event,
      actor_id,
      item_id,
      occurred_at: START,
      quantity: 1,
      ingested_at: START + ingested_at,
    });
    await clickhouse.insert("events", [
      event("1", "view", "ann", "lamp", 5),
      event("2", "view", "bob", "lamp"),
      event("3", "view", "cid", "lamp"),
      event("4", "purchase", "ann", "rug"),
      event("5", "refund", "ann", "rug"),
      event("6", "purchase", "bob", "rug"),
    ]);
    await clickhouse.insert("events", [event("1", "view", "ann", "rug", 4), event("3", "view", "cid", "rug", 9)]);
    const result = await train(clickhouse, { ...TRAINING, minEvents: 1 }, dependencies(START));
    expect(result.events).toBe(5);
    expect(await modelRows(clickhouse, result.versions[0]!.version)).toEqual([
      { item_id: "lamp", neighbours: [], weights: [], score: 2 },
      { item_id: "rug", neighbours: [], weights: [], score: 9 },
    ]);
  });

  test("what a killed run left behind goes at the next start; a run under way is left alone", async () => {
    const clickhouse = await migratedDatabase();
    await clickhouse.command(
      "CREATE TABLE training_20260101T000000Z_beef_items (a Int8) ENGINE = MergeTree ORDER BY a",
    );
    await clickhouse.command("CREATE TABLE training_notes (a Int8) ENGINE = MergeTree ORDER BY a");
    const abandoned = "popular-20260101T000000Z-beef";
    await clickhouse.insert("model_rankings", [{ version: abandoned, rank: 1, item_id: "x", score: 1 }]);
    const underWay = "popular-20261123T055500Z-beef";
    await clickhouse.insert("model_rankings", [{ version: underWay, rank: 1, item_id: "x", score: 1 }]);
    await fillShop(clickhouse);
    const result = await train(clickhouse, TRAINING, dependencies(Date.UTC(2026, 10, 23, 6)));
    expect(await workTables(clickhouse)).toEqual(["training_notes"]);
    expect(result.pruned).toEqual([abandoned]);
    expect(await modelRows(clickhouse, underWay)).toHaveLength(1);
  });
});
