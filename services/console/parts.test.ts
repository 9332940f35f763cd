import { expect, test } from "vitest";
import { overall, type PartsInput, partsOf } from "./parts.ts";
import type { PipelineState } from "./ports.ts";

const NOW = 10_000_000;
const STORE = { events: 10, openDeadLetters: 0, diskFree: 50, diskSize: 100 };

const TRAINED = { at: NOW - 5_000, failed: null, isFruitless: false };

const state = (more: Partial<PipelineState> = {}): PipelineState => ({
  recommender: {
    waitingFor: [],
    models: { champion: { algorithm: "hybrid", version: "v1", trainedAt: new Date(NOW).toISOString() } },
    refused: [],
    catalogue: { items: 3, hidden: 1 },
    actors: { count: 2, bytes: 2_000 },
    signals: { lag: 0, freshnessMilliseconds: 20, error: null },
    ...{ error: null, latencyMilliseconds: 0.4 },
  },
  consumer: { state: "Running", lag: 0, stored: 5, deadLetters: 0, freshnessMilliseconds: 30 },
  training: { running: false, nextRunAt: new Date(NOW + 60_000).toISOString(), lastResult: "Promoted" },
  collects: true,
  ...more,
});

const parts = (more: Partial<PipelineState> = {}, input: Partial<PartsInput> = {}) =>
  partsOf({ state: state(more), store: STORE, trained: TRAINED, samples: [], now: NOW, ...input });

const recommender = (more: Partial<PipelineState["recommender"]>) =>
  parts({ recommender: { ...state().recommender, ...more } }).at(-1);

test("all is good when all is good", () => {
  expect(parts().map(({ health }) => health)).toEqual(["Good", "Good", "Good", "Good", "Good"]);
  expect(overall(parts())).toBe("Good");
});

test("the part that is to blame says what is wrong", () => {
  const problem = "ClickHouse is away: look whether it runs";
  expect(parts({ consumer: { ...state().consumer!, problem } })[1]).toMatchObject({
    health: "Attention",
    says: problem,
  });
  expect(parts({ consumer: { ...state().consumer!, state: "Failed" } })[1]).toMatchObject({ health: "Bad" });
  expect(parts({}, { store: { error: "refused" } })[2]).toMatchObject({
    health: "Bad",
    says: "It does not answer: refused",
  });
  expect(parts({}, { store: { ...STORE, diskFree: 5 } })[2]).toMatchObject({ health: "Attention" });
  expect(parts({ training: { running: false, nextRunAt: null, lastResult: "Failed" } })[3]).toMatchObject({
    health: "Bad",
  });
  expect(recommender({ waitingFor: ["signals"] })).toMatchObject({ health: "Attention", says: "Waits for signals." });
  expect(recommender({ error: "no route" })).toMatchObject({ health: "Bad", says: "no route" });
  expect(recommender({ refused: [{ slot: "champion", version: "v2", reason: "rows are missing" }] })).toMatchObject({
    health: "Attention",
    says: "Refuses v2: rows are missing",
  });
  expect(recommender({ models: {} })).toMatchObject({ health: "Attention" });
  expect(recommender({ signals: { lag: 9, freshnessMilliseconds: 60_000, error: null } })).toMatchObject({
    health: "Attention",
  });
});

test("what runs in other pods is not known, and is not called broken", () => {
  const elsewhere = { consumer: null, training: null, collects: null };
  const seen = parts(elsewhere, { trained: { ...TRAINED, at: null } });
  expect(seen.map(({ health }) => health)).toEqual(["Unknown", "Unknown", "Good", "Unknown", "Good"]);
  expect(overall(seen)).toBe("Good");
  const sample = {
    at: NOW / 1_000 - 4,
    events: 3,
    answers: 0,
    freshnessMilliseconds: 5,
    latencyMilliseconds: null,
    lag: 0,
  };
  expect(parts(elsewhere, { samples: [sample] })[1]).toMatchObject({
    health: "Good",
    says: expect.stringContaining("4 s ago"),
  });
});

test("of a trainer elsewhere only what is known is told: a failed version, never that all is good", () => {
  const elsewhere = { training: null };
  const trainer = (trained: PartsInput["trained"]) => parts(elsewhere, { trained })[3];
  expect(trainer(TRAINED)).toMatchObject({ health: "Unknown", facts: [["Newest model", "5 s ago"]] });
  expect(trainer({ ...TRAINED, at: null })).toMatchObject({ facts: [["Newest model", "none yet"]] });
  expect(trainer(undefined)).toMatchObject({ health: "Unknown", facts: [["Newest model", "not known"]] });
  const failed = { version: "hybrid-7", reason: "the disk is full" };
  expect(trainer({ ...TRAINED, failed })).toMatchObject({
    ...{ health: "Attention", says: expect.stringContaining("could not train hybrid-7: the disk is full") },
  });
  expect(trainer({ ...TRAINED, failed, isFruitless: true })).toMatchObject({ health: "Bad" });
});

test("a late event of a flow that has stopped is no fault of this moment", () => {
  const late = { signals: { lag: 0, freshnessMilliseconds: 60_000, error: null } };
  const recommending = { ...state().recommender, ...late };
  const sample = { at: NOW / 1_000, events: 1, answers: 0, latencyMilliseconds: null, lag: 0 };
  const seen = (freshnessMilliseconds: number | null) =>
    parts({ recommender: recommending }, { samples: [{ ...sample, freshnessMilliseconds }] }).at(-1);
  expect(seen(60_000)).toMatchObject({ health: "Attention" });
  expect(seen(null)).toMatchObject({ health: "Good" });
});
