import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../../clickhouse/index.ts";
import type { Algorithm } from "../algorithms/algorithm.ts";
import { ALGORITHMS, createAlgorithms } from "../algorithms/index.ts";
import { itemNeighbours, REFERENCE_NEIGHBOURS } from "../algorithms/item-neighbours/index.ts";
import { sessionNeighbours } from "../algorithms/session-neighbours/index.ts";
import type { Metrics } from "../judging/metrics.ts";
import { type EvaluationReport, evaluate } from "./evaluate.ts";
import { findDataSet } from "./layouts.ts";

const DATA = process.env.PRODUCTMATCHER_DATA ?? "../shared/data";

const STANDARD = [
  ...new Map(ALGORITHMS).set("itemNeighbours", itemNeighbours({ neighbours: REFERENCE_NEIGHBOURS })).values(),
];

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
});
afterAll(() => clickhouse.close());

async function evaluated(
  dataset: string,
  algorithms: readonly Algorithm[] = STANDARD,
): Promise<{ report: EvaluationReport; metrics: Map<string, Metrics> }> {
  const report = await evaluate(clickhouse, {
    files: await findDataSet(join(DATA, dataset)),
    reading: { fields: {}, eventNames: {} },
    holdout: { share: 0.1 },
    algorithms,
    cutoffs: [20],
    weights: { view: 1, click: 1, add_to_cart: 3, purchase: 8 },
    halfLifeDays: 30,
    now: Date.now,
  });
  return { report, metrics: new Map(report.results.map((result) => [result.algorithm, result.metrics])) };
}

/** Whether no other algorithm is surely better: the interval of its lift under the best reaches 0. */
function isBestOrEqual(report: EvaluationReport, name: string): boolean {
  const { best, lift } = report.results.find(({ algorithm }) => algorithm === name)!;
  return best || (lift !== null && lift.high >= 0);
}

beforeAll(() => {
  if (!existsSync(DATA)) {
    throw new Error(`${resolve(DATA)} is not there: name the folder of the data sets with PRODUCTMATCHER_DATA`);
  }
});

describe("real data sets", () => {
  test("Gowalla: item neighbours reach the published figures", async () => {
    const plain = itemNeighbours({ neighbours: REFERENCE_NEIGHBOURS });
    const { report, metrics } = await evaluated("gowalla-lightgcn", [...createAlgorithms(["popular"]), plain]);
    expect(report).toMatchObject({
      protocol: "user",
      train: { events: 810_128, users: 29_858, items: 40_981 },
      test: { users: 29_858, cases: 29_858 },
    });
    expect(metrics.get("itemNeighbours")!["recall@20"]).toBeGreaterThanOrEqual(0.1822);
    expect(metrics.get("itemNeighbours")!["ndcg@20"]).toBeGreaterThanOrEqual(0.1508);
    expect(metrics.get("popular")!["recall@20"]).toBeCloseTo(0.0416, 3);
  });

  test("Gowalla: the best single algorithm, and the best of all", { timeout: 1_200_000 }, async () => {
    const { metrics } = await evaluated(
      "gowalla-lightgcn",
      createAlgorithms(["itemNeighbours", "factorisation", "hybrid"], {
        itemNeighbours: { neighbours: REFERENCE_NEIGHBOURS, lowPass: 0.3 },
        factorisation: { factors: 256, ridge: 0.005 },
      }),
    );
    expect(metrics.get("itemNeighbours")!["recall@20"]).toBeGreaterThanOrEqual(0.1835);
    expect(metrics.get("itemNeighbours")!["ndcg@20"]).toBeGreaterThanOrEqual(0.152);
    expect(metrics.get("hybrid")!["recall@20"]).toBeGreaterThanOrEqual(0.187);
    expect(metrics.get("hybrid")!["ndcg@20"]).toBeGreaterThanOrEqual(0.155);
  });

  test("Serenade: the next item of a session", async () => {
    const { report, metrics } = await evaluated("serenade-example");
    expect(report).toMatchObject({
      protocol: "session",
      train: { events: 113_601, items: 18_009 },
      test: { cases: 931 },
    });
    expect(metrics.get("itemNeighbours")!["hitRate@20"]).toBeGreaterThan(0.55);
    expect(metrics.get("itemNeighbours")!["mrr@20"]).toBeGreaterThan(0.25);
    expect(metrics.get("sessionNeighbours")!["mrr@20"]).toBeGreaterThanOrEqual(0.339);
    expect(metrics.get("sessionNeighbours")!["hitRate@20"]).toBeGreaterThanOrEqual(0.665);
  });

  test("Serenade: with the parameters of its example, no worse than the reference implementation", async () => {
    const plain = { positionDecay: 0, matchDecay: 0.1, recencyDays: 0, distanceDecay: 0 };
    const example = sessionNeighbours({ ...plain, sessions: 500, neighbours: 50, lastItems: 2 });
    const { metrics } = await evaluated("serenade-example", [example]);
    expect(metrics.get("sessionNeighbours")!["mrr@20"]).toBeGreaterThanOrEqual(0.3277);
    expect(metrics.get("sessionNeighbours")!["hitRate@20"]).toBeGreaterThanOrEqual(0.64);
  });

  test("RetailRocket: the purchase that was held out", async () => {
    const { report, metrics } = await evaluated("retailrocket-events");
    expect(report).toMatchObject({ protocol: "user", train: { events: 97_381, users: 2_174 }, test: { users: 2_174 } });
    expect(metrics.get("itemNeighbours")!["recall@20"]).toBeGreaterThan(2 * metrics.get("popular")!["recall@20"]!);
  });

  test("RetailRocket: hybrid is at least as good as the best, and five times as good as popular", async () => {
    const names = ["popular", "userNeighbours", "sessionNeighbours", "factorisation", "hybrid"];
    const { report, metrics } = await evaluated("retailrocket-events", createAlgorithms(names));
    expect(metrics.get("hybrid")!["recall@20"]).toBeGreaterThanOrEqual(5 * metrics.get("popular")!["recall@20"]!);
    expect(isBestOrEqual(report, "hybrid")).toBe(true);
  });

  test("UCI Online Retail: hybrid is at least as good as the best, and new items are found by what they are", async () => {
    const names = ["popular", "itemNeighbours", "content", "hybrid"];
    const { report, metrics } = await evaluated("uci-online-retail", createAlgorithms(names));
    expect(isBestOrEqual(report, "hybrid")).toBe(true);
    for (const name of ["content", "hybrid"]) {
      expect(metrics.get(name)!["coldRecall@20"]).toBeGreaterThanOrEqual(5 * metrics.get(name)!["coldRandom@20"]!);
    }
    for (const name of ["popular", "itemNeighbours"]) expect(metrics.get(name)!["coldRecall@20"]).toBe(0);
  });

  test("UCI Online Retail: new products of the last tenth of the time", async () => {
    const { report, metrics } = await evaluated("uci-online-retail");
    expect(report.protocol).toBe("time");
    expect(report.test.users).toBeGreaterThan(800);
    expect(metrics.get("itemNeighbours")!["ndcg@20"]).toBeGreaterThan(1.3 * metrics.get("popular")!["ndcg@20"]!);
  });

  test("OTTO: sessions of clicks, carts and orders", async () => {
    const { report } = await evaluated("otto-sample");
    expect(report.train.events).toBe(775);
    expect(report.results).toHaveLength(STANDARD.filter(({ needsCatalogue }) => !needsCatalogue).length);
  });
});
