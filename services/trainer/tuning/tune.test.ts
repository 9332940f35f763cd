import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import { type ActivityRow, plain, WEIGHTING } from "../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../clickhouse/index.ts";
import type { Algorithm, FitContext } from "../algorithms/algorithm.ts";
import { createAlgorithm } from "../algorithms/index.ts";
import { ACTIVITY_COLUMNS } from "../interactions.ts";
import { runName, withWorkTables } from "../work-tables.ts";
import { type TuningOptions, type TuningResult, tune } from "./tune.ts";

const DAY = 86_400_000;
const BOUNDARY = 60 * DAY;

/** Sixty shoppers, an item every other day. */
const ACTIVITY: readonly ActivityRow[] = Array.from({ length: 60 }, (_, actor) =>
  Array.from({ length: 30 }, (_, step) => ({
    actor_id: `actor ${actor}`,
    item_id: `item ${(actor * 7 + step * 11) % 90}`,
    occurred_at: step * 2 * DAY + actor * 60_000,
  })),
).flat();

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
});
afterAll(() => clickhouse.close());

interface Seen {
  readonly parameters: Readonly<Record<string, number>>;
  readonly events: number;
  readonly youngest: number;
}

/** Finds what is asked for the more often, the nearer x is to 0.7 and y to 20. */
function planted(seen: Seen[], onFit: () => void = () => {}) {
  return (parameters: Readonly<Record<string, number>>): Algorithm => {
    const { x, y } = { x: 0.1, y: 2, ...parameters };
    return {
      name: "planted",
      needsTime: false,
      parameters: { x, y },
      space: { x: { from: 0, to: 1 }, y: { from: 1, to: 100, logarithmic: true } },
      async fit({ work, activity }: FitContext) {
        onFit();
        const [row] = await work.clickhouse.query<{ events: string; youngest: string }>(
          `SELECT count() AS events, toUnixTimestamp64Milli(max(occurred_at)) AS youngest FROM ${activity}`,
        );
        seen.push({ parameters: { x, y }, events: Number(row!.events), youngest: Number(row!.youngest) });
        const found = Math.round(1_000 * (1 - Math.abs(x - 0.7) / 2 - Math.abs(Math.log10(y / 20)) / 4));
        return {
          rank: (cases, into) =>
            work.run(
              `INSERT INTO ${into} SELECT case, arraySlice(truth, 1, 1) AS ranked, [1.] AS scores FROM ${cases.table}
               WHERE cityHash64(case) % 1000 < {found:UInt32} AND notEmpty(truth)`,
              { found },
            ),
          store: async () => {},
          fault: async () => undefined,
        };
      },
    };
  };
}

function search(
  create: Parameters<typeof tune>[1],
  more: Partial<TuningOptions> = {},
  activity: readonly ActivityRow[] = ACTIVITY,
): Promise<TuningResult | null> {
  const layout = { database: clickhouse.database };
  return withWorkTables(clickhouse, layout, { name: runName(0), now: 0 }, async (work) => {
    const table = await work.create({ name: "activity", columns: ACTIVITY_COLUMNS, orderBy: "actor_id" });
    const rows = activity.map((row) => ({ session_id: "", event: "view", occurred_at: 0, quantity: 1, ...row }));
    await clickhouse.insert(plain(table), rows);
    return await tune(work, create, {
      activity: table,
      boundary: BOUNDARY,
      weighting: WEIGHTING,
      trials: 30,
      deadline: Number.POSITIVE_INFINITY,
      seed: 1,
      metric: "ndcg",
      k: 5,
      now: () => 0,
      ...more,
    });
  });
}

describe("tuning", () => {
  test("finds a planted optimum, on more data in each rung", async () => {
    const seen: Seen[] = [];
    const result = (await search(planted(seen)))!;
    expect(Math.abs(result.parameters.x! - 0.7)).toBeLessThan(0.2);
    expect(Math.abs(Math.log10(result.parameters.y! / 20))).toBeLessThan(0.5);
    const by = (share: number) => result.trials.filter((trial) => trial.share === share);
    expect([1 / 9, 1 / 3, 1].map((share) => by(share).length)).toEqual([30, 10, 4]);
    expect(result.score).toBe(Math.max(...by(1).map(({ score }) => score!)));
    const [first, second, third] = [seen[0]!, seen[30]!, seen[40]!].map(({ events }) => events);
    expect(second! / first!).toBeGreaterThan(2);
    expect(third! / second!).toBeGreaterThan(2);
  });

  test("the same seed searches the same, another one elsewhere", async () => {
    const once = await search(planted([]), { trials: 6 });
    expect(await search(planted([]), { trials: 6 })).toEqual(once);
    expect(await search(planted([]), { trials: 6, seed: 2 })).not.toEqual(once);
  });

  test("nothing from the boundary on is read: what happens then changes nothing", async () => {
    const boundary = 30 * DAY;
    const before = ACTIVITY.filter(({ occurred_at }) => occurred_at! < boundary);
    const seen: Seen[] = [];
    const result = await search(planted(seen), { boundary, trials: 6 });
    expect(result).toEqual(await search(planted([]), { boundary, trials: 6 }, before));
    expect(Math.max(...seen.map(({ youngest }) => youngest))).toBeLessThan(boundary);
    // Nor is a model fitted on the tenth that trials are judged on.
    const times = before.map(({ occurred_at }) => occurred_at!).sort((a, b) => a - b);
    expect(Math.max(...seen.map(({ youngest }) => youngest))).toBeLessThan(times[Math.floor(times.length * 0.91)]!);
  });

  test("a deadline is kept within a rung: what was tried by then is the answer", async () => {
    let clock = 0;
    const seen: Seen[] = [];
    const create = planted(seen, () => {
      clock += 10;
    });
    const result = (await search(create, { deadline: 55, now: () => clock }))!;
    expect(clock).toBe(50);
    expect(result.trials).toHaveLength(5);
    const best = result.trials.reduce((a, b) => (b.score! > a.score! ? b : a));
    expect(result.parameters).toEqual(best.parameters);
  });

  test("a deadline in the last rung: the best of those that were tried on everything", async () => {
    let [clock, fitted] = [0, 0];
    const create = planted([], () => {
      fitted += 1;
      clock += fitted > 6 ? 30 : 10;
    });
    const result = (await search(create, { trials: 6, deadline: 95, now: () => clock }))!;
    expect(result.trials.map(({ share }) => share)).toEqual([...Array(6).fill(1 / 3), 1]);
    expect(clock).toBe(90);
    expect(result.parameters).toEqual(result.trials.at(-1)!.parameters);
    const leader = result.trials.slice(0, 6).reduce((a, b) => (b.score! > a.score! ? b : a));
    expect(result.parameters).toEqual(leader.parameters);
  });

  test("when the time is over before it began, the parameters to start from stay", async () => {
    const start = { x: 0.4, gone: 3 };
    const result = (await search(planted([]), { start, deadline: 0 }))!;
    expect(result).toEqual({ parameters: { x: 0.4, y: 2 }, score: null, trials: [] });
  });

  test("what an earlier search found is tried first, beside the algorithm's own", async () => {
    const result = (await search(planted([]), { start: { x: 0.7, y: 20 }, trials: 4 }))!;
    expect(result.trials.slice(0, 2).map(({ parameters }) => parameters)).toEqual([
      { x: 0.7, y: 20 },
      { x: 0.1, y: 2 },
    ]);
    expect(result.parameters).toEqual({ x: 0.7, y: 20 });
  });

  test("settings that cannot be fitted are left out, with the reason", async () => {
    const create = (parameters: Readonly<Record<string, number>>): Algorithm => {
      const algorithm = planted([])(parameters);
      if (algorithm.parameters.x! < 0.5) return { ...algorithm, fit: () => Promise.reject(new Error("too small")) };
      return algorithm;
    };
    const result = (await search(create, { trials: 9 }))!;
    expect(result.trials[0]).toMatchObject({ score: null, reason: "too small" });
    expect(result.parameters.x).toBeGreaterThanOrEqual(0.5);
  });

  test("activity without times is parted by pairs", async () => {
    const timeless = ACTIVITY.map((row) => ({ ...row, occurred_at: 0 }));
    const seen: Seen[] = [];
    const result = (await search(planted(seen), { trials: 3 }, timeless))!;
    expect(result.score).not.toBeNull();
    const [part, whole] = [seen[0]!.events, seen.at(-1)!.events];
    expect(whole).toBeGreaterThan(0.85 * timeless.length);
    expect(whole).toBeLessThan(timeless.length);
    expect(part / whole).toBeLessThan(0.6);
  });

  test("sessions: the next item of those that begin in the held-out tenth", async () => {
    const sessions = Array.from({ length: 300 }, (_, session) =>
      Array.from({ length: 4 }, (_, step) => ({
        actor_id: `session ${session}`,
        item_id: `item ${(session + step) % 10}`,
        occurred_at: session * 3_600_000 + step * 60_000,
      })),
    ).flat();
    const create = (parameters: Readonly<Record<string, number>>) => createAlgorithm("sessionNeighbours", parameters);
    const result = (await search(create, { sessions: true, trials: 3, k: 3 }, sessions))!;
    expect(result.score).toBeGreaterThan(0.5);
    expect(await search(create, { trials: 3, k: 3 }, sessions)).toBeNull();
  });

  test("without a space, or without activity, there is nothing to search", async () => {
    expect(await search((parameters) => createAlgorithm("popular", parameters))).toBeNull();
    expect(await search(planted([]), {}, [])).toBeNull();
  });
});
