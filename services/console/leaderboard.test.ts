import { expect, test } from "vitest";
import type { ListedVersion } from "../clickhouse/index.ts";
import { compared, leaderboard, quality, trained } from "./leaderboard.ts";
import type { Registry } from "./ports.ts";

const version = (name: string, more: Partial<ListedVersion> = {}): ListedVersion => ({
  ...{ version: name, algorithm: "hybrid", status: "published", reason: "" },
  configuration: { parameters: {}, judgedBy: "NDCG@20" },
  ...{
    dataFrom: 0,
    dataTo: 1,
    events: 10,
    actors: 2,
    items: 3,
    entries: 4,
    checksum: "1",
    fitSeconds: 1,
    createdAt: 5_000,
    available: true,
  },
  metrics: { "recall@20": 0.4, "ndcg@20": 0.2, arp: 9 },
  ...more,
});

const registry = (versions: readonly ListedVersion[]): Registry => ({
  ...{ versions, hasOlder: false, promotions: [], lineage: [], notForUsers: ["popular"] },
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

test("with a pinned version the champion answers nobody, and the pinned one says so", () => {
  const { rows } = leaderboard(registry([version("a"), version("b")]), "", "a");
  expect(rows.map(({ serves }) => serves)).toEqual([["users"], ["hybrid"]]);
  expect(rows.map(({ obstacle }) => obstacle)).toEqual([null, "It is the champion already."]);
});

test("what failed in the last run is known, what failed before and was mended is past", () => {
  const at = (createdAt: number, more: Partial<ListedVersion>) => version(`v${createdAt}`, { createdAt, ...more });
  const failed = { status: "failed", reason: "the disk is full" } as const;
  const good = at(9_000_000, {});
  expect(trained({ versions: [] })).toEqual({ at: null, failed: null, isFruitless: true });
  expect(trained({ versions: [good, at(8_000_000, failed)] })).toEqual({
    ...{ at: 9_000_000, failed: null, isFruitless: false },
  });
  expect(trained({ versions: [good, at(8_999_000, { ...failed, algorithm: "content" })] })).toEqual({
    ...{ at: 9_000_000, failed: { version: "v8999000", reason: "the disk is full" }, isFruitless: false },
  });
  expect(trained({ versions: [at(20_000_000, failed), good] })).toMatchObject({
    ...{ at: 9_000_000, failed: { version: "v20000000" }, isFruitless: true },
  });
});
