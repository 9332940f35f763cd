import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readPipelines } from "../../services/config/index.ts";
import { exampleFile, pipelineResource, planFor, type Spec } from "../../test/fixtures/pipelines.ts";
import type { KubeObject } from "../runtime/index.ts";
import type { Role } from "./names.ts";
import { configHash, liveFile, roleFile, secretsOf } from "./role-files.ts";

const ROLES: readonly Role[] = ["collector", "consumer", "recommender", "trainer", "migrate", "cleanup"];

const storefront = exampleFile("storefront");
const pipelineOf = (resource: KubeObject) => planFor(resource).pipeline;
const specOf = (text: string) => (parse(text) as { spec: Spec }).spec;

function hashes(resource: KubeObject): Record<Role, string> {
  const pipeline = pipelineOf(resource);
  return Object.fromEntries(ROLES.map((role) => [role, configHash(roleFile(pipeline, role))])) as Record<Role, string>;
}

/** Roles whose file is another after the change. */
function concerned(change: (spec: Spec) => void): Role[] {
  const after = structuredClone(storefront) as unknown as { spec: Spec };
  change(after.spec);
  const [before, now] = [hashes(storefront), hashes(after as unknown as KubeObject)];
  return ROLES.filter((role) => before[role] !== now[role]);
}

describe("the file of each role", () => {
  test.each(["minimal", "quickstart", "storefront"])(
    "of %s is a valid resource for the reader of all roles",
    (example) => {
      const pipeline = pipelineOf(exampleFile(example));
      for (const role of ROLES) {
        const { faults } = readPipelines(roleFile(pipeline, role), { source: role });
        expect(faults).toEqual([]);
      }
      for (const role of ["collector", "recommender"] as const) {
        expect(readPipelines(liveFile(pipeline, role), { source: role }).faults).toEqual([]);
      }
    },
  );

  test("holds what the role reads, as the person wrote it, and nothing that is as by default", () => {
    const pipeline = pipelineOf(storefront);
    expect(specOf(roleFile(pipeline, "trainer"))).toMatchObject({
      training: { halfLifeDays: 45, tuning: { trials: 30 } },
      sink: { clickhouse: { database: "storefront", cluster: "shops" } },
    });
    const minimal = specOf(roleFile(pipelineOf(pipelineResource()), "recommender"));
    expect(minimal).toEqual({
      collector: {},
      source: { kafka: { bootstrapServers: ["kafka:9092"] } },
      sink: { clickhouse: { url: "http://clickhouse:8123", credentials: { secretRef: { name: "clickhouse" } } } },
    });
  });

  test("tells the consumer whether there is a collector, whose topic it then reads", () => {
    expect(specOf(roleFile(pipelineOf(pipelineResource()), "consumer")).collector).toBeUndefined();
    expect(specOf(roleFile(pipelineOf(pipelineResource({ collector: {} })), "consumer")).collector).toEqual({});
  });

  test("changes for whom the change concerns, and for nobody else", () => {
    expect(concerned((spec) => Object.assign(spec.source.kafka, { bootstrapServers: ["other:9093"] }))).toEqual([
      ...(["collector", "consumer", "recommender", "migrate", "cleanup"] as const),
    ]);
    expect(concerned((spec) => Object.assign(spec.sink.clickhouse, { retentionDays: 5 }))).toEqual([
      "migrate",
      "cleanup",
    ]);
    expect(concerned((spec) => Object.assign(spec.training ?? {}, { lookbackDays: 33 }))).toEqual(["trainer"]);
    expect(concerned((spec) => Object.assign(spec.attribution ?? {}, { windowSeconds: 5 }))).toEqual([
      ...(["consumer", "recommender", "trainer"] as const),
    ]);
  });

  test("does not change with what acts live, is the operator's own, or has no order", () => {
    const changes: ((spec: Spec) => void)[] = [
      (spec) => spec.serving?.rules?.pop(),
      (spec) => spec.serving?.apiKeys?.pop(),
      (spec) => spec.serving?.experiments?.pop(),
      (spec) => Object.assign(spec.serving ?? {}, { seen: "Exclude", diversityPercent: 3, requestsPerSecond: 9 }),
      (spec) => Object.assign(spec.collector ?? {}, { allowedOrigins: ["https://other.example"] }),
      (spec) => Object.assign(spec.objectives ?? {}, { lag: 7 }),
      (spec) => Object.assign(spec.training ?? {}, { schedule: "1 1 * * *", suspend: true }),
      (spec) => spec.source.topics?.reverse(),
      (spec) => spec.catalog?.attributes?.reverse(),
      (spec) => Object.assign(spec, { paused: true, deletionPolicy: "Delete" }),
    ];
    for (const change of changes) expect(concerned(change)).toEqual([]);
  });

  test("is followed live by the rest, rules and keys among it", () => {
    const live = specOf(liveFile(pipelineOf(storefront), "recommender"));
    expect(live.serving).toMatchObject({ diversityPercent: 20, requestsPerSecond: 500 });
    expect(live.serving?.rules?.map(({ name }) => name)).toEqual([
      "brand-mix",
      "in-stock",
      "own-brand-first",
      "spring",
    ]);
    expect(live.serving).not.toHaveProperty("replicas");
    expect(specOf(liveFile(pipelineOf(storefront), "collector")).collector?.writeKeys?.length).toBe(1);
  });
});

test("a role mounts the Secrets that its own files name", () => {
  const pipeline = pipelineOf(storefront);
  expect(Object.fromEntries(ROLES.map((role) => [role, secretsOf(pipeline, role)]))).toEqual({
    collector: ["kafka-ca", "kafka-user", "storefront-keys"],
    consumer: ["clickhouse", "clickhouse-ca", "kafka-ca", "kafka-user", "shop-db"],
    recommender: ["clickhouse", "clickhouse-ca", "kafka-ca", "kafka-user", "storefront-keys"],
    trainer: ["clickhouse", "clickhouse-ca"],
    migrate: ["clickhouse", "clickhouse-ca", "kafka-ca", "kafka-user"],
    cleanup: ["clickhouse", "clickhouse-ca", "kafka-ca", "kafka-user"],
  });
});
