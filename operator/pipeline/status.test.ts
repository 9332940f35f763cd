import { describe, expect, test } from "vitest";
import type { Condition, PipelineStatus } from "../../crds/index.ts";
import { roleReport } from "../../services/role-report/index.ts";
import { pipelineResource, planFor, type Spec } from "../../test/fixtures/pipelines.ts";
import type { KubeObject } from "../runtime/index.ts";
import { judge } from "./conditions.ts";
import type { StandingRole } from "./names.ts";
import type { DeploymentStatus } from "./pods.ts";
import type { Asked, Facts, Sight } from "./sight.ts";
import { differs, differsInMoreThanFigures, eventsOf, rounded, statusOf } from "./status.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const MINUTE = 60_000;

function factsOf(spec: Partial<Spec> = {}): Facts {
  const plan = planFor(pipelineResource(spec));
  const { image, prefix, database, roles, urls, pipeline, migration } = plan;
  const migrationJob = migration.object.metadata.name;
  return {
    image,
    prefix,
    database,
    roles,
    urls,
    spec: pipeline.spec,
    migrationHash: migration.hash,
    migrationJob,
    selector: "s",
  };
}

function deployment(role: StandingRole, status: DeploymentStatus = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `shop-${role}`, generation: 1 },
    spec: { replicas: 2 },
    status: {
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      ...status,
    },
  };
}

function migrationJob(facts: Facts, ended: object): KubeObject {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: facts.migrationJob, uid: "j" },
    status: { conditions: [ended] },
  };
}

function answer(role: StandingRole, report: object): Asked {
  return { pod: `shop-${role}-1`, role, report: roleReport.parse(report) };
}

function condition(type: string, status: Condition["status"], reason: string, minutesAgo = 60): Condition {
  const lastTransitionTime = new Date(NOW - minutesAgo * MINUTE).toISOString();
  return { type, status, reason, message: `${reason} it was`, lastTransitionTime };
}

/** All is well, unless said otherwise. */
function sight(more: Partial<Sight> = {}): Sight {
  const facts = more.facts ?? factsOf();
  return {
    resource: { ...pipelineResource(), metadata: { name: "shop", namespace: "default", generation: 3 } },
    previous: { sink: { migration: facts.migrationHash } },
    facts,
    realized: { fault: null, retry: null, waiting: {} },
    deployments: { consumer: deployment("consumer"), recommender: deployment("recommender") },
    pods: [],
    jobs: [],
    asked: [answer("consumer", { source: { lag: 3 } }), answer("recommender", {})],
    objectives: { differsSince: null },
    now: NOW,
    ...more,
  };
}

const reasonsOf = (given: Sight) =>
  Object.fromEntries([...judge(given)].map(([type, { status, reason }]) => [type, `${status} ${reason}`]));

describe("a judgement", () => {
  test("of a pipeline that is well: Ready without a model, nothing under way", () => {
    expect(reasonsOf(sight())).toMatchObject({ Ready: "True Available", ModelReady: "False AwaitingData" });
    expect(judge(sight()).has("Reconciling")).toBe(false);
    expect(judge(sight()).has("Stalled")).toBe(false);
  });

  test("of a roll-out past its deadline: stuck and stalled, although the former pods answer", () => {
    const conditions = [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }];
    const stuck = deployment("recommender", { updatedReplicas: 1, unavailableReplicas: 1, conditions });
    const found = reasonsOf(sight({ deployments: { consumer: deployment("consumer"), recommender: stuck } }));
    expect(found).toMatchObject({ ServingReady: "False RolloutStuck", Stalled: "True RolloutStuck" });
  });

  test.each([
    [4, undefined],
    [6, "True SecretMissing"],
  ])("of a Secret that has been missing for %s minutes: stalled after five", (minutes, stalled) => {
    const problems = [{ about: "Role", reason: "SecretMissing", message: "Secret keys" }];
    const found = reasonsOf(
      sight({
        deployments: { consumer: deployment("consumer"), recommender: deployment("recommender", { readyReplicas: 0 }) },
        asked: [answer("consumer", {}), answer("recommender", { problems })],
        previous: { ...sight().previous, conditions: [condition("ServingReady", "False", "SecretMissing", minutes)] },
      }),
    );
    expect(found.ServingReady).toBe("False SecretMissing");
    expect(found.Stalled).toBe(stalled);
    expect(found.Reconciling).toBeUndefined();
  });

  test("of a migration whose three tries failed: stalled", () => {
    const facts = factsOf();
    const job = migrationJob(facts, { type: "Failed", status: "True", reason: "BackoffLimitExceeded" });
    const found = reasonsOf(sight({ facts, jobs: [job], previous: {} }));
    expect(found).toMatchObject({ SinkReady: "False MigrationFailed", Stalled: "True MigrationFailed" });
  });

  test("of what waited for a migration that has just succeeded goes by that migration", () => {
    const facts = factsOf();
    const job = migrationJob(facts, { type: "Complete", status: "True" });
    const realized = { fault: null, retry: null, waiting: { recommender: "WaitingForConsumers" } } as const;
    const deployments = { consumer: deployment("consumer", { readyReplicas: 0, updatedReplicas: 0 }) };
    const status = statusOf(sight({ facts, realized, deployments, jobs: [job], previous: {} }));
    const reasons = Object.fromEntries((status.conditions ?? []).map(({ type, reason }) => [type, reason]));
    expect(reasons).toMatchObject({
      SinkReady: "Migrated",
      ServingReady: "WaitingForConsumers",
      Reconciling: "RollingOut",
    });
    expect(status.sink?.migration).toBe(facts.migrationHash);
  });

  test("of one pod less than the floor is still Available; of two it is not", () => {
    const at = (readyReplicas: number, replicas: number) => {
      const facts = factsOf({ serving: { replicas } });
      return reasonsOf(
        sight({
          facts,
          deployments: { consumer: deployment("consumer"), recommender: deployment("recommender", { readyReplicas }) },
        }),
      ).ServingReady;
    };
    expect([at(3, 3), at(2, 3), at(1, 3), at(1, 2), at(0, 1)]).toEqual([
      ...["True Available", "True Available", "False Unavailable", "True Available", "False Unavailable"],
    ]);
    expect(at(0, 0)).toBe("True ScaledToZero");
  });

  test("is kept while the operator that has just started has asked nobody yet", () => {
    const conditions = [
      condition("SourceReachable", "False", "TopicMissing"),
      condition("ModelReady", "True", "Published"),
    ];
    const found = reasonsOf(sight({ asked: null, previous: { ...sight().previous, conditions } }));
    expect(found).toMatchObject({ SourceReachable: "False TopicMissing", ModelReady: "True Published" });
  });

  test("of objectives changes after two minutes of figures that say otherwise", () => {
    const lagging = [answer("consumer", { source: { lag: 1_000_000 } })];
    const met = { ...sight().previous, conditions: [condition("ObjectivesMet", "True", "Met")] };
    const judgedAfter = (differsSince: number | null) =>
      reasonsOf(sight({ asked: lagging, previous: met, objectives: { differsSince } })).ObjectivesMet;
    expect(judgedAfter(NOW - 1 * MINUTE)).toBe("True Met");
    expect(judgedAfter(NOW - 2 * MINUTE)).toBe("False Lagging");
    const missed = { ...sight().previous, conditions: [condition("ObjectivesMet", "False", "Lagging")] };
    const back = (differsSince: number) =>
      reasonsOf(sight({ previous: missed, objectives: { differsSince } })).ObjectivesMet;
    expect([back(NOW - 1 * MINUTE), back(NOW - 2 * MINUTE)]).toEqual(["False Lagging", "True Met"]);
  });

  test("of what could not be reached: Retrying", () => {
    const realized = { fault: null, retry: { reason: "Retrying", message: "503." }, waiting: {} };
    expect(reasonsOf(sight({ realized }))).toMatchObject({ Reconciling: "True Retrying" });
  });
});

describe("a status", () => {
  test("keeps the time of a condition as long as its status is the same", () => {
    const before = [condition("Ready", "True", "Available", 90), condition("SinkReady", "False", "Unreachable", 90)];
    const { conditions = [] } = statusOf(sight({ previous: { ...sight().previous, conditions: before } }));
    const timeOf = (type: string) => conditions.find((found) => found.type === type)?.lastTransitionTime;
    expect(timeOf("Ready")).toBe(before[0]?.lastTransitionTime);
    expect(timeOf("SinkReady")).toBe("2026-03-01T12:00:00Z");
  });

  test("says the figures in two digits, so that they do not move at rest", () => {
    expect([0, 7, 12, 1234, 99_949, 100_000].map(rounded)).toEqual([0, 7, 12, 1200, 100_000, 100_000]);
    const { source } = statusOf(sight({ asked: [answer("consumer", { source: { lag: 123_456, deadLetters: 8 } })] }));
    expect(source).toEqual({ prefix: "default.shop", lag: 120_000, deadLetters: 8 });
  });

  test("keeps figures, model and experiments while nobody answers", () => {
    const previous: PipelineStatus = {
      sink: { migration: factsOf().migrationHash },
      source: { prefix: "default.shop", lag: 12 },
      model: { version: "v1" },
    };
    expect(statusOf(sight({ asked: [], previous }))).toMatchObject({ source: { lag: 12 }, model: { version: "v1" } });
  });

  test("of which only figures changed differs in nothing more", () => {
    const before: PipelineStatus = { observedGeneration: 1, source: { prefix: "p", lag: 1 } };
    const after: PipelineStatus = { observedGeneration: 1, source: { prefix: "p", lag: 2, deadLetters: 1 } };
    expect([differs(before, after), differsInMoreThanFigures(before, after)]).toEqual([true, false]);
    expect(differsInMoreThanFigures(before, { ...after, observedGeneration: 2 })).toBe(true);
    expect(differs(before, structuredClone(before))).toBe(false);
  });

  test("of a paused pipeline speaks of the generation that was applied last", () => {
    const previous = { ...sight().previous, observedGeneration: 2 };
    expect(statusOf(sight({ realized: null, previous })).observedGeneration).toBe(2);
    expect(statusOf(sight({ previous })).observedGeneration).toBe(3);
  });
});

test("an event is told for each condition whose status or reason changed, and for no other", () => {
  const before = [condition("Ready", "True", "Available"), condition("SinkReady", "False", "Unreachable")];
  const after = [
    condition("Ready", "False", "Unreachable"),
    condition("SinkReady", "False", "ReadOnly"),
    condition("Reconciling", "True", "RollingOut"),
    condition("Stalled", "True", "RolloutStuck"),
  ];
  expect(eventsOf(before, after).map(({ type, reason }) => `${type} ${reason}`)).toEqual([
    ...["Warning Unreachable", "Warning ReadOnly", "Normal RollingOut", "Warning RolloutStuck"],
  ]);
  expect(eventsOf(after, after)).toEqual([]);
});
