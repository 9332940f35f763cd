import { expect, test } from "vitest";
import { compared, leaderboard, quality } from "./leaderboard.ts";
import type { ModelVersion, Registry } from "./ports.ts";

const version = (name: string, more: Partial<ModelVersion> = {}): ModelVersion => ({
  ...{ version: name, algorithm: "hybrid", status: "published", reason: "" },
  configuration: { parameters: {}, judgedBy: "NDCG@20" },
  ...{
    dataFrom: 0,
    dataTo: 1,
    events: 10,
    actors: 2,
    items: 3,
    entries: 4,
    fitSeconds: 1,
    createdAt: 5_000,
    available: true,
  },
  metrics: { "recall@20": 0.4, "ndcg@20": 0.2, arp: 9 },
  ...more,
});

const registry = (versions: readonly ModelVersion[]): Registry => ({
  ...{ versions, promotions: [], lineage: [], notForUsers: ["popular"] },
  aliases: { champion: "b", hybrid: "b" },
});

const board = (sort: string) =>
  leaderboard(
    registry([
      version("a", { metrics: { "ndcg@20": 0.4 } }),
      version("b"),
      version("c", { status: "refused", reason: "not surely better", metrics: {} }),
      version("d", { algorithm: "popular" }),
      version("e", { available: false }),
    ]),
    sort,
  );

test("the metric that decides comes first; figures are beside the best", () => {
  const { metrics, rows } = board("");
  expect(metrics).toEqual(["ndcg@20", "recall@20"]);
  expect(rows.map(({ shares }) => shares["ndcg@20"])).toEqual([1, 0.5, 0, 0.5, 0.5]);
});

test("what cannot be promoted says why", () => {
  expect(board("").rows.map(({ obstacle }) => obstacle)).toEqual([
    null,
    "It answers users now.",
    "not surely better",
    "popular does not answer users by itself.",
    "Its rows are gone (training.keepVersions).",
  ]);
  expect(board("").rows[1]).toMatchObject({ isChampion: true, serves: ["users", "hybrid"] });
});

test("it is sorted by a metric that there is, those that were not judged last; else the newest first", () => {
  expect(board("ndcg@20").rows.map((row) => row.version.version)).toEqual(["a", "b", "d", "e", "c"]);
  expect(board("made-up")).toMatchObject({ sortedBy: "newest", rows: [{ version: { version: "a" } }, {}, {}, {}, {}] });
});

test("a version is compared with the champion, and quality is told by time", () => {
  const [one, champion] = [version("a", { metrics: { "ndcg@20": 0.3, new: 1 } }), version("b")];
  expect(compared(one, champion)).toMatchObject([{ percent: expect.closeTo(50) }, { champion: null, percent: null }]);
  expect(quality(registry([version("b", { createdAt: 9_000 }), version("a")]))).toMatchObject({
    metric: "NDCG@20",
    points: [{ at: 5 }, { at: 9 }],
  });
  expect(quality(registry([]))).toBeNull();
});
