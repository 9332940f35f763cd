/** The gate in whole training runs: what must not be served is not, and what should be is. */
import { beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { TRAINING } from "../../test/fixtures/training.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { listVersions, readAliases } from "../clickhouse/models.ts";
import type { Algorithm, FitContext, Parameters } from "./algorithms/algorithm.ts";
import { createAlgorithms } from "./algorithms/index.ts";
import { itemNeighbours } from "./algorithms/item-neighbours/index.ts";
import { type TrainedVersion, type TrainingResult, train } from "./index.ts";
import { ACTIVITY_COLUMNS, createInteractions } from "./interactions.ts";
import { createMatrix } from "./matrix.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const NOW = Date.UTC(2026, 10, 23, 6);

const WEAK = { neighbours: 1 };

/** 240 shoppers of six tastes, each with 20 items of 120, and one visit a day to one of these, now and then to another. */
async function fillShop(clickhouse: ClickHouse): Promise<void> {
  const rows = [];
  for (let shopper = 0; shopper < 240; shopper += 1) {
    for (let day = 0; day < 10; day += 1) {
      const chance = (shopper * 7919 + day * 104_729) % 1_009;
      const taste = chance % 9 === 0 ? chance % 6 : shopper % 6;
      rows.push({
        event_id: `${shopper}/${day}`,
        event: "view",
        actor_id: `shopper ${shopper}`,
        item_id: `item ${taste * 20 + (chance % 20)}`,
        occurred_at: START + day * 24 * HOUR + shopper * 60_000,
        quantity: 1,
        ingested_at: START + 11 * 24 * HOUR,
      });
    }
  }
  await clickhouse.insert("events", rows);
}

/** A recipe of its own that fits itemNeighbours on something else. */
function altered(
  mark: Parameters,
  alter: (context: FitContext) => Promise<FitContext>,
  parameters: Parameters = {},
): Algorithm {
  const base = itemNeighbours(parameters);
  return {
    ...base,
    parameters: { ...base.parameters, ...mark },
    fit: async (context) => base.fit(await alter(context)),
  };
}

/** Who did something is kept, what it was is anybody's. */
async function shuffled(context: FitContext): Promise<FitContext> {
  const { work, name, activity, weighting, window } = context;
  const table = await work.create({ name: `${name}_shuffled`, columns: ACTIVITY_COLUMNS, orderBy: "actor_id" });
  await work.run(`
INSERT INTO ${table} (actor_id, session_id, item_id, event, occurred_at, quantity)
SELECT a.actor_id, a.session_id, b.item_id, a.event, a.occurred_at, a.quantity
FROM (SELECT *, row_number() OVER (ORDER BY actor_id, occurred_at) AS place FROM ${activity}) AS a
INNER JOIN (SELECT item_id, row_number() OVER (ORDER BY cityHash64(actor_id, occurred_at)) AS place FROM ${activity}) AS b
  ON a.place = b.place`);
  const interactions = await createInteractions(work, `${name}_shuffled_pairs`, table, weighting, window);
  return { ...context, activity: table, matrix: await createMatrix(work, `${name}_shuffled`, interactions) };
}

/** Looks at all there is, whatever its window says. */
async function peeking(context: FitContext): Promise<FitContext> {
  const { work, name, activity, weighting, window } = context;
  const open = { ...window, before: null };
  const interactions = await createInteractions(work, `${name}_peeked`, activity, weighting, open);
  return { ...context, window: open, matrix: await createMatrix(work, `${name}_peeked`, interactions) };
}

describe("the gate drill", () => {
  let clickhouse: ClickHouse;
  let hour = 0;
  beforeAll(async () => {
    clickhouse = await migratedDatabase();
    await fillShop(clickhouse);
  });

  /** @returns what came of the candidate: where it was refused, the recipe in service competes beside it */
  const run = async (candidate: Algorithm | Parameters): Promise<[TrainingResult, TrainedVersion]> => {
    hour += 1;
    const at = NOW + hour * HOUR;
    const fresh = "fit" in candidate ? (candidate as Algorithm) : itemNeighbours(candidate as Parameters);
    const result = await train(clickhouse, TRAINING, {
      now: () => at,
      log: { info: () => {}, warn: () => {} },
      create: (names, parameters = {}) =>
        createAlgorithms(names, parameters).map((one) =>
          one.name === "itemNeighbours" && parameters.itemNeighbours === undefined ? fresh : one,
        ),
    });
    return [result, result.versions.findLast(({ algorithm }) => algorithm === "itemNeighbours") as TrainedVersion];
  };
  const champion = async () => {
    const name = (await readAliases(clickhouse)).get("champion");
    return (await listVersions(clickhouse)).find(({ version }) => version === name)!;
  };

  test("first comes what beats popular", async () => {
    const [result, version] = await run(WEAK);
    expect(result.result).toBe("Promoted");
    expect(version).toMatchObject({ champion: true, status: "published" });
    expect((await champion()).version).toBe(version.version);
  });

  test("one that learned from shuffled labels is refused, and the recipe in service stays", async () => {
    const [result, version] = await run(altered({ sabotaged: 1 }, shuffled));
    expect(result.result).toBe("Refreshed");
    expect(version).toMatchObject({ champion: false, status: "refused", cause: "GateRefused" });
    expect(version.lift!.high).toBeLessThan(0);
    const aliases = await readAliases(clickhouse);
    expect([...aliases.values()]).not.toContain(version.version);
    expect((await champion()).configuration.parameters).toMatchObject(WEAK);
    const recorded = (await listVersions(clickhouse)).find((one) => one.version === version.version)!;
    expect(recorded).toMatchObject({ status: "refused", available: false, reason: version.reason });
  });

  test("one of equal quality is refused as a new recipe, and refreshed as the same", async () => {
    const before = await champion();
    const [, version] = await run(altered({ twin: 1 }, async (context) => context, WEAK));
    expect(version).toMatchObject({ status: "refused", cause: "GateRefused", lift: { percent: 0 } });
    expect(version.reason).toContain("not surely better");
    const [again, same] = await run(WEAK);
    expect(again.result).toBe("Refreshed");
    expect(same).toMatchObject({ champion: true, status: "published" });
    const after = await champion();
    expect(after.version).toBe(same.version);
    expect(after.configuration.parameters).toEqual(before.configuration.parameters);
  });

  test("one that has seen what it is judged on is found out", async () => {
    const [result, version] = await run(altered({ peeking: 1 }, peeking));
    expect(result.result).toBe("Refreshed");
    expect(version).toMatchObject({ status: "refused", cause: "LeakDetected" });
    expect(version.reason).toMatch(/^it knows \d+ made-up events of the period it is judged on/);
    expect((await champion()).configuration.parameters).toMatchObject(WEAK);
  });

  test("a better one is promoted", async () => {
    const before = await champion();
    const [result, version] = await run({});
    expect(result.result).toBe("Promoted");
    expect(version.lift!.low).toBeGreaterThan(0);
    const after = await champion();
    expect(after.version).toBe(version.version);
    expect(after.configuration).toMatchObject({ parent: before.version, lift: version.lift });
  });

  test("tuning looks for better parameters on what came before the holdout, and says what it found", async () => {
    const result = await train(
      clickhouse,
      { ...TRAINING, tuning: { trials: 4, timeoutMinutes: 5 } },
      { now: () => NOW + 24 * HOUR, log: { info: () => {}, warn: () => {} } },
    );
    expect(["Promoted", "Refreshed"]).toContain(result.result);
    const tried = result.versions.filter(({ algorithm }) => algorithm === "itemNeighbours");
    const recorded = await listVersions(clickhouse);
    for (const { version } of tried) {
      const { parameters } = recorded.find((one) => one.version === version)!.configuration;
      expect(Object.keys(parameters)).toEqual(Object.keys(itemNeighbours().parameters));
    }
  });
});
