/** Every reason of a condition, by its real cause, and gone by itself when that is mended. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Behaviour, startKubelet, type TestKubelet } from "../../test/api-server/kubelet.ts";
import { startOperatorProcess, type TestOperator } from "../../test/api-server/operator.ts";
import { type Behaviours, HEALTHY, pipelinesIn, type TestPipelines } from "../../test/api-server/pipelines.ts";
import { connect, describeApiServer, eventually, kubectl, newNamespace, plane } from "../../test/api-server/suite.ts";
import type { Spec } from "../../test/fixtures/pipelines.ts";
import type { ApiServer } from "../runtime/index.ts";

let namespace = "";
let operator: TestOperator;
let kubelet: TestKubelet;
let api: ApiServer;
let pipelines: TestPipelines;
const own = new Map<string, Behaviours>();

beforeAll(async () => {
  namespace = await newNamespace();
  api = connect();
  pipelines = pipelinesIn(namespace, api);
  operator = await startOperatorProcess({ plane: plane(), namespaces: [namespace] });
  kubelet = await startKubelet(api, [namespace], (role, pod) => {
    const name = pod.metadata.labels?.["app.kubernetes.io/part-of"] ?? "";
    const behaviours = own.get(name) ?? {};
    return role in behaviours ? (behaviours[role] ?? null) : (HEALTHY[role] ?? null);
  });
});

afterAll(async () => {
  await kubelet?.stop();
  await operator?.stop();
  api?.close();
});

interface Case {
  readonly type: string;
  readonly reason: string;
  readonly status?: "True" | "False" | "Unknown";
  readonly cause: Behaviours;
  readonly spec?: Partial<Spec>;
  /** What the message says. */
  readonly says?: RegExp;
  /** Reason once it is mended. */
  readonly mended: string;
}

const problem = (role: "consumer" | "recommender", about: string, reason: string): Behaviours => ({
  [role]: { is: "ready", report: { problems: [{ about, reason, message: `${reason} it is` }] } },
});
const crash = (words: object | string, reason?: string): Behaviour => {
  return { is: "crashing", words, ...(reason === undefined ? {} : { reason }) };
};
const served = (more: object): Behaviours => ({
  recommender: { is: "ready", report: { model: { version: "v7", algorithm: "hybrid", score: "0.1822", ...more } } },
});

const POD_REASONS: readonly [string, Behaviour, RegExp][] = [
  ["Unavailable", null, /0 pods of the recommender are ready/],
  ["CrashLooping", crash("no such option"), /no such option/],
  ["OutOfMemory", crash("", "OOMKilled"), /resources.limits.memory/],
  [
    "ImagePullFailed",
    { is: "waiting", reason: "ImagePullBackOff", message: "not found" },
    /cannot pull its image: not found/,
  ],
  ["Unschedulable", { is: "unschedulable", message: "0/3 nodes are available" }, /0\/3 nodes/],
  ["SecretMissing", crash({ reason: "SecretMissing", message: "Secret clickhouse" }), /Secret clickhouse/],
  ["SecretKeyMissing", crash({ reason: "SecretKeyMissing", message: "key password" }), /key password/],
  ["ConfigurationRejected", crash({ reason: "ConfigurationRejected", message: "config-version 9" }), /version 9/],
];

const CASES: readonly Case[] = [
  ...POD_REASONS.map(([reason, behaviour, says]) => ({
    ...{ type: "ServingReady", reason, says, cause: { recommender: behaviour }, mended: "Available" },
  })),
  ...["Unreachable", "AuthenticationFailed", "NotAuthorized", "TlsFailed", "TopicMissing"].map((reason) => ({
    ...{ type: "SourceReachable", reason, cause: problem("consumer", "Source", reason), mended: "Connected" },
  })),
  {
    type: "SourceReachable",
    reason: "NoConsumerRunning",
    status: "Unknown",
    cause: { consumer: null },
    mended: "Connected",
  },
  ...["Unreachable", "AuthenticationFailed", "NotAuthorized", "TlsFailed", "ServerUnsupported", "DatabaseTaken"].map(
    (reason) => ({
      type: "SinkReady",
      reason,
      cause: { migrate: crash({ reason, message: `${reason} it is` }) },
      mended: "Migrated",
    }),
  ),
  { type: "SinkReady", reason: "ReadOnly", cause: problem("consumer", "Sink", "ReadOnly"), mended: "Migrated" },
  { type: "SinkReady", reason: "Migrating", cause: { migrate: null }, mended: "Migrated" },
  {
    type: "SinkReady",
    reason: "ImagePullFailed",
    cause: { migrate: { is: "waiting", reason: "ErrImagePull" } },
    mended: "Migrated",
  },
  { type: "ConsumersReady", reason: "WaitingForMigration", cause: { migrate: null }, mended: "Available" },
  { type: "ServingReady", reason: "WaitingForConsumers", cause: { consumer: null }, mended: "Available" },
  ...["AwaitingData", "NeverPublished", "PinnedVersionMissing", "DoesNotFit", "LoadFailed"].map((reason) => ({
    ...{ type: "ModelReady", reason, cause: problem("recommender", "Model", reason), mended: "AwaitingData" },
  })),
  { type: "ModelReady", reason: "Published", status: "True", cause: served({}), mended: "AwaitingData" },
  {
    type: "ModelReady",
    reason: "Canary",
    status: "True",
    cause: served({ canary: { version: "v8", percent: 5 } }),
    says: /v8 answers 5 percent/,
    mended: "AwaitingData",
  },
  {
    type: "ModelReady",
    reason: "Pinned",
    status: "True",
    cause: served({}),
    spec: { serving: { model: { pinnedVersion: "v7" } } },
    mended: "AwaitingData",
  },
  {
    type: "ModelReady",
    reason: "NoRecommenderRunning",
    status: "Unknown",
    cause: { recommender: null },
    mended: "AwaitingData",
  },
];

describeApiServer("a condition", () => {
  test.concurrent.each(CASES.map((found, index) => ({ ...found, name: `c${index}` })))(
    "$type has the reason $reason by its cause, and $mended when it is mended",
    async ({ name, type, reason, status = "False", cause, spec, says, mended }) => {
      own.set(name, cause);
      await pipelines.apply(name, spec);
      const found = await pipelines.reason(name, type, reason, 90_000);
      expect(found?.status).toBe(status);
      if (says !== undefined) expect(found?.message).toMatch(says);
      own.delete(name);
      await pipelines.reason(name, type, mended, 90_000);
    },
    200_000,
  );
});

describeApiServer("a configuration", () => {
  test.each([
    [
      "MappingInvalid",
      {
        source: {
          kafka: { bootstrapServers: ["kafka:9092"] },
          topics: [{ name: "t", event: "view", mapping: { fields: { userId: "/a//b" } } }],
        },
      },
    ],
    ["RuleInvalid", { serving: { rules: [{ name: "r", type: "Filter", items: "item.price >" }] } }],
    [
      "ExperimentInvalid",
      {
        serving: {
          experiments: [
            {
              name: "e",
              arms: [
                { name: "control", percent: 50 },
                { name: "b", percent: 50, algorithm: "neural" },
              ],
            },
          ],
        },
      },
    ],
    ["ScheduleInvalid", { training: { timeZone: "Mars/Olympus" } }],
    ["ImageUnsupported", { image: "productmatcher:9.0.0" }],
    ["KedaMissing", { consumer: { autoscaling: { maxReplicas: 3, targetLag: 10 } } }],
    [
      "GatewayApiMissing",
      {
        collector: {
          writeKeys: [{ name: "w", secretKeyRef: { name: "k", key: "k" } }],
          exposure: { type: "HTTPRoute", host: "a.example", httpRoute: { parentRefs: [{ name: "g" }] } },
        },
      },
    ],
    ["ChildRejected", { pods: { affinity: { nodeAffinity: { noSuchField: 1 } } } }],
  ] as const)("is %s, stalled, and valid again when it is corrected", async (reason, more) => {
    const name = reason.toLowerCase();
    await pipelines.apply(name, more as unknown as Partial<Spec>);
    const found = await pipelines.reason(name, "ConfigurationValid", reason);
    expect(found?.status).toBe("False");
    await eventually(
      () => pipelines.condition(name, "Stalled"),
      (stalled) => stalled?.reason === reason,
    );
    expect(await pipelines.condition(name, "Ready")).toMatchObject({ status: "False", reason });
    await pipelines.apply(name);
    await pipelines.reason(name, "ConfigurationValid", "Valid");
    await pipelines.reason(name, "Ready", "Available");
    expect(await pipelines.condition(name, "Stalled")).toBeUndefined();
  });

  test("is PodsRejected by a quota, told as the quota says it", async () => {
    const quota = await newNamespace();
    const there = pipelinesIn(quota, api);
    const second = await startOperatorProcess({ plane: plane(), namespaces: [quota] });
    const healthy = await startKubelet(api, [quota], (role) => HEALTHY[role] ?? null);
    try {
      await there.apply("shop");
      await there.reason("shop", "Ready", "Available");
      await kubectl("-n", quota, "create", "quota", "none", "--hard=pods=0");
      const consumers = "app.kubernetes.io/part-of=shop,app.kubernetes.io/component=consumer";
      const found = await eventually(
        async () => {
          // Until the quota is in force there are new ones.
          await kubectl("-n", quota, "delete", "pods", "-l", consumers, "--force", "--grace-period=0");
          return there.condition("shop", "ConsumersReady");
        },
        (condition) => condition?.reason === "PodsRejected",
        90_000,
        1_000,
      );
      expect(found?.message).toMatch(/exceeded quota/);
      await kubectl("-n", quota, "delete", "quota", "none");
      await there.reason("shop", "Ready", "Available", 90_000);
    } finally {
      await healthy.stop();
      await second.stop();
    }
  });
});

const trained = (words: object, code = 0): Behaviours => ({ trainer: { is: "ended", code, words } });

const RUNS: readonly [string, "True" | "False" | "Unknown", Behaviours, string | undefined][] = [
  [
    "Promoted",
    "True",
    trained({ result: "Promoted", message: "hybrid won", candidates: [{ algorithm: "hybrid", score: "0.2" }] }),
    "Promoted",
  ],
  ["Refreshed", "True", trained({ result: "Refreshed" }), "Refreshed"],
  ["GateRefused", "False", trained({ result: "Refused" }), "Refused"],
  ["NotEnoughData", "Unknown", trained({ result: "NotEnoughData" }), "NotEnoughData"],
  ["Degenerate", "False", trained({ result: "Failed", reason: "Degenerate" }), "Failed"],
  ["LeakDetected", "False", trained({ result: "Failed", reason: "LeakDetected" }), "Failed"],
  ["Failed", "False", trained({ message: "ClickHouse is gone" }, 1), "Failed"],
  ["OutOfMemory", "False", { trainer: { is: "ended", code: 137, reason: "OOMKilled" } }, "Failed"],
];

describeApiServer("a run", () => {
  test.concurrent.each(RUNS)(
    "ends as %s",
    async (reason, status, behaviours, result) => {
      const name = `t-${reason.toLowerCase()}`;
      own.set(name, behaviours);
      await pipelines.apply(name, { training: { suspend: true } });
      await pipelines.reason(name, "Ready", "Available", 90_000);
      expect(await pipelines.condition(name, "TrainingSucceeded")).toMatchObject({
        status: "Unknown",
        reason: "Suspended",
      });
      await kubectl("-n", namespace, "create", "job", `${name}-now`, `--from=cronjob/${name}-trainer`);
      expect((await pipelines.reason(name, "TrainingSucceeded", reason, 90_000))?.status).toBe(status);
      const { training } = await eventually(
        () => pipelines.status(name),
        (found) => found.training?.job === `${name}-now`,
      );
      expect(training?.result).toBe(result);
      // What was said stays when the Job is gone.
      await kubectl("-n", namespace, "delete", "job", `${name}-now`);
      await eventually(
        () =>
          kubectl(
            "-n",
            namespace,
            "get",
            "pods",
            "-l",
            `app.kubernetes.io/part-of=${name},app.kubernetes.io/component=trainer`,
            "-o",
            "name",
          ),
        (names) => names === "",
      );
      expect((await pipelines.status(name)).training?.result).toBe(result);
    },
    200_000,
  );

  test("is begun once, as soon as the consumers report enough events", async () => {
    own.set("first", {
      consumer: { is: "ready", report: { source: { storedEvents: 5_000 } } },
      trainer: { is: "ended", code: 0, words: { result: "Promoted" } },
    });
    await pipelines.apply("first");
    await pipelines.reason("first", "TrainingSucceeded", "Promoted", 90_000);
    expect((await pipelines.status("first")).training?.job).toBe("first-trainer-first");
  });

  test("that takes too long is TimedOut", async () => {
    own.set("late", { trainer: null });
    await pipelines.apply("late", { training: { suspend: true } });
    await pipelines.reason("late", "Ready", "Available", 90_000);
    await kubectl("-n", namespace, "create", "job", "late-now", "--from=cronjob/late-trainer");
    await kubectl(
      "-n",
      namespace,
      "patch",
      "job",
      "late-now",
      "--type=merge",
      "-p",
      '{"spec":{"activeDeadlineSeconds":1}}',
    );
    await pipelines.reason("late", "TrainingSucceeded", "TimedOut");
  });
});

describeApiServer("objectives", () => {
  test.concurrent.each([
    ["Met", "True", { source: { lag: 1, freshnessMilliseconds: 100 } }],
    ["Stale", "False", { source: { freshnessMilliseconds: 60_000 } }],
    ["Lagging", "False", { source: { lag: 200_000 } }],
    ["Slow", "False", { latencyMilliseconds: 400 }],
    ["ModelTooOld", "False", { model: { version: "v1", trainedAt: "2020-01-01T00:00:00Z" } }],
  ] as const)(
    "are %s",
    async (reason, status, report) => {
      const name = `o-${reason.toLowerCase()}`;
      own.set(name, { consumer: { is: "ready", report }, recommender: { is: "ready", report } });
      await pipelines.apply(name);
      expect((await pipelines.reason(name, "ObjectivesMet", reason, 90_000))?.status).toBe(status);
    },
    100_000,
  );
});
