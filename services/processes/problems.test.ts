import { expect, test } from "vitest";
import { KafkaLogError } from "../kafka/index.ts";
import { consumerProblems, recommenderProblems } from "./problems.ts";

const running = { state: "Running", lag: 0 } as const;
const retrying = (cause: NonNullable<Parameters<typeof consumerProblems>[0]["cause"]>) =>
  ({ state: "Retrying", lag: 7, cause, problem: "said so" }) as const;

test("a consumer that does its work has no problem, also when brokers failed once before", () => {
  expect(consumerProblems(running, null)).toEqual([]);
  expect(consumerProblems(running, new Error("reset"))).toEqual([]);
});

test.each([
  ["clickhouse_unreachable", "Sink", "Unreachable"],
  ["clickhouse_timeout", "Sink", "Unreachable"],
  ["clickhouse_credentials", "Sink", "AuthenticationFailed"],
  ["clickhouse_rights", "Sink", "NotAuthorized"],
  ["clickhouse_storage", "Sink", "ReadOnly"],
  ["clickhouse_overload", "Role", "Retrying"],
  ["enrichment", "Role", "Retrying"],
  ["schema_registry", "Role", "Retrying"],
] as const)("%s is told as %s %s", (cause, about, reason) => {
  expect(consumerProblems(retrying(cause), null)).toEqual([{ about, reason, message: "said so" }]);
});

test("brokers that do not answer are told with what they failed with", () => {
  const away = { state: "Running", lag: null } as const;
  // Slow is not away.
  expect(consumerProblems(away, null)).toEqual([]);
  expect(consumerProblems(retrying("log"), null)).toMatchObject([{ about: "Source", reason: "Unreachable" }]);
  const missing = new KafkaLogError("topic_missing", "topic clicks is not there");
  expect(consumerProblems(away, missing)).toEqual([
    { about: "Source", reason: "TopicMissing", message: "topic clicks is not there" },
  ]);
  expect(consumerProblems({ state: "Stopped", lag: null }, missing)).toEqual([]);
});

test("a recommender tells ClickHouse, refused models and signals apart", () => {
  const signals = { caughtUp: true, lag: 0, freshnessMilliseconds: 1, error: null };
  const fine = { error: null, errorCause: null, refused: [], signals };
  expect(recommenderProblems(fine)).toEqual([]);
  const broken = { reason: "a row is missing", pinned: false, refusedAt: "" };
  const refused = [
    { slot: "popular", version: "p-1", ...broken },
    { slot: "champion", version: "h-1", ...broken, pinned: true },
  ] as const;
  const all = { error: "no", errorCause: "Rights", refused, signals: { ...signals, error: "away" } } as const;
  expect(recommenderProblems(all).map(({ about, reason }) => `${about} ${reason}`)).toEqual([
    "Sink NotAuthorized",
    "Model LoadFailed",
    "Model PinnedVersionMissing",
    "Source Unreachable",
  ]);
});
