import { afterAll, beforeAll, expect, test } from "vitest";
import { type Behaviour, startKubelet, type TestKubelet } from "../../test/api-server/kubelet.ts";
import { startOperatorProcess, type TestOperator } from "../../test/api-server/operator.ts";
import { HEALTHY, pipelinesIn, type TestPipelines } from "../../test/api-server/pipelines.ts";
import {
  connect,
  describeApiServer,
  eventually,
  kubectl,
  kubectlApply,
  newNamespace,
  plane,
} from "../../test/api-server/suite.ts";
import { pipelineResource, type Spec } from "../../test/fixtures/pipelines.ts";
import type { ApiServer } from "../runtime/index.ts";

let namespace = "";
let operator: TestOperator;
let kubelet: TestKubelet;
let api: ApiServer;
let pipelines: TestPipelines;

/** By pipeline and role: `shop-consumer`. */
const behaviours = new Map<string, Behaviour>();

beforeAll(async () => {
  namespace = await newNamespace();
  api = connect();
  pipelines = pipelinesIn(namespace, api);
  operator = await startOperatorProcess({ plane: plane(), namespaces: [namespace] });
  kubelet = await startKubelet(api, [namespace], (role, pod) => {
    const own = `${pod.metadata.labels?.["app.kubernetes.io/part-of"]}-${role}`;
    return behaviours.has(own) ? (behaviours.get(own) ?? null) : (HEALTHY[role] ?? null);
  });
});

afterAll(async () => {
  await kubelet?.stop();
  await operator?.stop();
  api?.close();
});

const applyPipeline = (name: string, more?: Partial<Spec>) => pipelines.apply(name, more);
const statusOf = (name: string) => pipelines.status(name);
const condition = (name: string, type: string) => pipelines.condition(name, type);
const reasonOf = (name: string, type: string, reason: string) => pipelines.reason(name, type, reason);

describeApiServer("a resource that is applied", () => {
  test("becomes a running pipeline, in order, and says so", async () => {
    behaviours.set("whole-migrate", null);
    behaviours.set("whole-consumer", null);
    await applyPipeline("whole", { collector: {} });
    await reasonOf("whole", "SinkReady", "Migrating");
    const names = async () =>
      (await kubectl("-n", namespace, "get", "deploy", "-l", "app.kubernetes.io/part-of=whole", "-o", "name"))
        .trim()
        .split("\n");
    expect(await names()).toEqual([""]);
    expect(await condition("whole", "ConsumersReady")).toMatchObject({
      status: "False",
      reason: "WaitingForMigration",
    });

    behaviours.delete("whole-migrate");
    await reasonOf("whole", "ServingReady", "WaitingForConsumers");
    expect(await names()).toEqual(["deployment.apps/whole-collector", "deployment.apps/whole-consumer"]);
    expect(await condition("whole", "Reconciling")).toMatchObject({ status: "True", reason: "RollingOut" });

    behaviours.delete("whole-consumer");
    await reasonOf("whole", "Ready", "Available");
    await kubectl("-n", namespace, "wait", "rp/whole", "--for=condition=Ready", "--timeout=10s");
    await eventually(
      () => condition("whole", "Reconciling"),
      (found) => found === undefined,
    );
    const status = await statusOf("whole");
    expect(status).toMatchObject({
      observedGeneration: 1,
      source: { prefix: `${namespace}.whole`, lag: 0, freshnessMilliseconds: 40 },
      sink: { database: `${namespace}_whole`.replaceAll("-", "_"), schemaVersion: 2 },
      serving: { replicas: 2, readyReplicas: 2, url: `http://whole-recommender.${namespace}.svc` },
    });
    expect(
      Object.fromEntries((status.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`])),
    ).toEqual({
      Ready: "True Available",
      ConfigurationValid: "True Valid",
      SinkReady: "True Migrated",
      SourceReachable: "True Connected",
      CollectorReady: "True Available",
      ConsumersReady: "True Available",
      ServingReady: "True Available",
      ModelReady: "False AwaitingData",
      TrainingSucceeded: "Unknown NotRunYet",
      ObjectivesMet: "True Met",
    });
    const events = await kubectl("-n", namespace, "describe", "rp", "whole");
    expect(events).toMatch(/Normal\s+Migrated/);
    expect(await kubectl("-n", namespace, "get", "rp", "whole")).toMatch(/True\s+Available/);
    const { text } = await operator.get("/metrics");
    expect(text).toContain(
      `productmatcher_pipeline_condition{namespace="${namespace}",pipeline="whole",type="Ready",status="True",role="operator"} 1`,
    );
    expect(text).toContain('controller_runtime_reconcile_total{controller="recommenderpipeline",result="');
    expect(text).toContain('leader_election_master_status{name="recommenderpipeline",role="operator"} 1');
  });

  test("costs no write at rest, also when the operator starts again", async () => {
    await applyPipeline("rest");
    await reasonOf("rest", "Ready", "Available");
    const versions = async () => {
      const list = await kubectl(
        "-n",
        namespace,
        "get",
        "rp,deploy,cm,sa,svc,netpol,pdb,cronjob,job",
        "-l",
        "app.kubernetes.io/part-of=rest",
        "-o",
        "json",
      );
      const { items } = JSON.parse(list) as { items: { metadata: { name: string; resourceVersion: string } }[] };
      const own = await kubectl("-n", namespace, "get", "rp", "rest", "-o", "jsonpath={.metadata.resourceVersion}");
      return [...items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`), own];
    };
    await eventually(
      () => condition("rest", "Reconciling"),
      (found) => found === undefined,
    );
    const before = await versions();
    await operator.stop();
    operator = await startOperatorProcess({ plane: plane(), namespaces: [namespace] });
    await eventually(
      async () => (await operator.get("/metrics")).text,
      (text) => /reconcile_total\{[^}]*result="(success|requeue_after)"[^}]*\} [2-9]/.test(text),
    );
    expect(await versions()).toEqual(before);
    // Not even one that would change nothing.
    expect((await operator.get("/metrics")).text).not.toContain('rest_client_requests_total{method="PATCH"');
  });

  test("has its children mended when someone edits or deletes them, and scaled when it is scaled", async () => {
    await applyPipeline("drift");
    await reasonOf("drift", "Ready", "Available");
    await kubectl("-n", namespace, "set", "image", "deploy/drift-consumer", "productmatcher=evil:1");
    await kubectl("-n", namespace, "delete", "svc", "drift-recommender");
    const jobs = ["get", "job", "-l", "app.kubernetes.io/part-of=drift", "-o", "name"];
    const migration = (await kubectl("-n", namespace, ...jobs)).trim();
    await kubectl("-n", namespace, "delete", migration);
    await kubectl("-n", namespace, "label", "cm", "drift-trainer", "app.kubernetes.io/component=other", "--overwrite");
    await eventually(
      () => kubectl("-n", namespace, "get", "deploy", "drift-consumer", "-o", "jsonpath={..image}"),
      (image) => image.startsWith("productmatcher:"),
    );
    await eventually(
      () => kubectl("-n", namespace, "get", "svc/drift-recommender", migration, "--ignore-not-found", "-o", "name"),
      (names) => names.includes("service/") && names.includes("job.batch/"),
    );
    await eventually(
      () => kubectl("-n", namespace, "get", "cm", "drift-trainer", "--show-labels"),
      (labels) => labels.includes("component=trainer"),
    );
    await kubectl("-n", namespace, "scale", "rp/drift", "--replicas=3");
    await eventually(
      async () => (await statusOf("drift")).serving?.readyReplicas,
      (replicas) => replicas === 3,
    );
  });

  test("rolls nothing when a rule changes, and one role when a field of it does", async () => {
    await applyPipeline("live");
    await reasonOf("live", "Ready", "Available");
    const generations = async () =>
      (
        await kubectl(
          "-n",
          namespace,
          "get",
          "deploy",
          "-l",
          "app.kubernetes.io/part-of=live",
          "-o",
          "jsonpath={.items[*].metadata.generation}",
        )
      ).split(" ");
    expect(await generations()).toEqual(["1", "1"]);
    await applyPipeline("live", { serving: { rules: [{ name: "r", type: "Filter", items: "item.stock > 0" }] } });
    await eventually(
      () => kubectl("-n", namespace, "get", "cm", "live-recommender-live", "-o", "jsonpath={.data.recommender\\.yaml}"),
      (file) => file.includes("item.stock"),
    );
    await eventually(
      async () => (await statusOf("live")).observedGeneration,
      (generation) => generation === 2,
    );
    expect(await generations()).toEqual(["1", "1"]);
    await applyPipeline("live", { serving: { sessionMinutes: 60 } });
    await eventually(generations, ([, recommender]) => recommender === "2");
    expect(await generations()).toEqual(["1", "2"]);
  });

  test("hands replicas over to an autoscaler and takes them back, without a dip", async () => {
    await applyPipeline("scaled", { serving: { replicas: 3 } });
    await reasonOf("scaled", "Ready", "Available");
    const replicas = new Set<string>();
    const look = async () => {
      const found = await kubectl(
        "-n",
        namespace,
        "get",
        "deploy",
        "scaled-recommender",
        "-o",
        "jsonpath={.spec.replicas}",
      );
      replicas.add(found);
      return found;
    };
    await applyPipeline("scaled", { serving: { replicas: 3, autoscaling: { maxReplicas: 6 } } });
    await eventually(
      async () => [
        await look(),
        await kubectl("-n", namespace, "get", "hpa", "scaled-recommender", "--ignore-not-found", "-o", "name"),
      ],
      ([, name]) => name !== "",
    );
    await eventually(
      async () => [await look(), (await statusOf("scaled")).observedGeneration],
      ([, generation]) => generation === 2,
    );
    expect([...replicas]).toEqual(["3"]);
    // As the autoscaler does.
    await kubectl("-n", namespace, "scale", "deploy/scaled-recommender", "--replicas=5");
    await eventually(
      async () => (await statusOf("scaled")).serving?.readyReplicas,
      (ready) => ready === 5,
    );
    expect(await look()).toBe("5");
    await applyPipeline("scaled", { serving: { replicas: 2 } });
    await eventually(look, (found) => found === "2");
    expect(await kubectl("-n", namespace, "get", "hpa", "--ignore-not-found", "-o", "name")).not.toContain("scaled");
  });

  test("keeps what runs while a new migration fails, and goes on when it is mended", async () => {
    await applyPipeline("migrating");
    await reasonOf("migrating", "Ready", "Available");
    const before = await kubectl(
      "-n",
      namespace,
      "get",
      "deploy",
      "migrating-consumer",
      "-o",
      "jsonpath={.metadata.generation}",
    );
    behaviours.set("migrating-migrate", {
      is: "ended",
      code: 1,
      words: { reason: "NotAuthorized", message: "user shop may not create tables" },
    });
    await applyPipeline("migrating", { catalog: { attributes: [{ name: "brand", type: "String" }] } });
    const sink = await reasonOf("migrating", "SinkReady", "NotAuthorized");
    expect(sink?.message).toContain("user shop may not create tables");
    expect(await condition("migrating", "ConsumersReady")).toMatchObject({ status: "True" });
    expect(
      await kubectl("-n", namespace, "get", "deploy", "migrating-consumer", "-o", "jsonpath={.metadata.generation}"),
    ).toBe(before);
    behaviours.delete("migrating-migrate");
    // A corrected resource: another migration, which does not wait for the failed one.
    await applyPipeline("migrating", { catalog: { attributes: [{ name: "maker", type: "String" }] } });
    await reasonOf("migrating", "SinkReady", "Migrated");
    await eventually(
      () =>
        kubectl(
          "-n",
          namespace,
          "get",
          "job",
          "-l",
          "app.kubernetes.io/component=migrate,app.kubernetes.io/part-of=migrating",
          "-o",
          "name",
        ),
      (names) => names.trim().split("\n").length === 1,
    );
  });

  test("that is not valid changes nothing, is named as stalled, and blocks no other", async () => {
    await applyPipeline("broken");
    await reasonOf("broken", "Ready", "Available");
    await applyPipeline("broken", { training: { schedule: "99 * * * *" }, serving: { replicas: 5 } });
    const found = await reasonOf("broken", "ConfigurationValid", "ScheduleInvalid");
    expect(found?.message).toContain("spec.training.schedule");
    expect(await condition("broken", "Ready")).toMatchObject({ status: "False", reason: "ScheduleInvalid" });
    expect(await condition("broken", "Stalled")).toMatchObject({ status: "True" });
    expect(
      await kubectl("-n", namespace, "get", "deploy", "broken-recommender", "-o", "jsonpath={.spec.replicas}"),
    ).toBe("2");
    await applyPipeline("broken", { serving: { replicas: 1 } });
    await reasonOf("broken", "Ready", "Available");
    expect(await condition("broken", "Stalled")).toBeUndefined();
  });

  test("that is paused changes nothing until it goes on", async () => {
    await applyPipeline("paused");
    await reasonOf("paused", "Ready", "Available");
    await applyPipeline("paused", { paused: true, serving: { replicas: 4 } });
    await reasonOf("paused", "Paused", "PausedBySpec");
    expect((await statusOf("paused")).observedGeneration).toBe(1);
    expect(
      await kubectl("-n", namespace, "get", "deploy", "paused-recommender", "-o", "jsonpath={.spec.replicas}"),
    ).toBe("2");
    await applyPipeline("paused", { paused: false, serving: { replicas: 4 } });
    await eventually(
      () => kubectl("-n", namespace, "get", "deploy", "paused-recommender", "-o", "jsonpath={.spec.replicas}"),
      (replicas) => replicas === "4",
    );
  });

  test("does not touch what belongs to somebody else, and says whose it is", async () => {
    await kubectl("-n", namespace, "create", "configmap", "taken-consumer", "--from-literal=theirs=yes");
    await applyPipeline("taken");
    const found = await reasonOf("taken", "ConfigurationValid", "NameTaken");
    expect(found?.message).toMatch(/ConfigMap taken-consumer/);
    expect(
      await kubectl(
        "-n",
        namespace,
        "get",
        "cm",
        "taken-consumer",
        "-o",
        "jsonpath={.data} {.metadata.ownerReferences}",
      ),
    ).toBe('{"theirs":"yes"} ');
    await kubectl("-n", namespace, "delete", "cm", "taken-consumer");
    await eventually(
      () => condition("taken", "ConfigurationValid"),
      (condition) => condition?.reason === "Valid",
      60_000,
    );
  });

  test("does not take the topics of another pipeline, until that one is gone", async () => {
    await applyPipeline("first");
    await reasonOf("first", "Ready", "Available");
    const { spec } = pipelineResource();
    const { source } = spec as Spec;
    const kafka = { ...source.kafka, prefix: `${namespace}.first` };
    await applyPipeline("second", { source: { ...source, kafka } });
    const found = await reasonOf("second", "ConfigurationValid", "NameTaken");
    expect(found?.message).toContain(`${namespace}.first is the prefix of the pipeline ${namespace}/first`);
    expect(await condition("second", "Stalled")).toMatchObject({ status: "True", reason: "NameTaken" });
    const made = await kubectl("-n", namespace, "get", "all", "-l", "app.kubernetes.io/part-of=second", "-o", "name");
    expect(made).toBe("");
    await kubectl("-n", namespace, "delete", "rp", "first");
    await reasonOf("second", "Ready", "Available");
  });

  test("that is deleted goes with all its children; its data stays unless it says otherwise", async () => {
    await applyPipeline("gone");
    await reasonOf("gone", "Ready", "Available");
    expect(await kubectl("-n", namespace, "get", "rp", "gone", "-o", "jsonpath={.metadata.finalizers}")).toBe("");
    await kubectl("-n", namespace, "delete", "rp", "gone");
    await eventually(
      () => kubectl("-n", namespace, "get", "deploy,cm,job,pod", "-l", "app.kubernetes.io/part-of=gone", "-o", "name"),
      (names) => names === "",
    );
    const { text } = await operator.get("/metrics");
    expect(text).not.toContain('pipeline="gone"');
  });

  test("with deletionPolicy: Delete is cleaned up after its pods have gone, then goes", async () => {
    behaviours.set("cleaned-cleanup", null);
    await applyPipeline("cleaned", { deletionPolicy: "Delete" });
    await reasonOf("cleaned", "Ready", "Available");
    await kubectl("-n", namespace, "delete", "rp", "cleaned", "--wait=false");
    await eventually(
      () => kubectl("-n", namespace, "get", "job", "cleaned-cleanup", "--ignore-not-found", "-o", "name"),
      (name) => name !== "",
    );
    const pods = await kubectl(
      "-n",
      namespace,
      "get",
      "pod",
      "-l",
      "app.kubernetes.io/part-of=cleaned",
      "-o",
      "jsonpath={..metadata.labels.app\\.kubernetes\\.io/component}",
    );
    expect(new Set(pods.split(" "))).toEqual(new Set(["cleanup"]));
    expect(await condition("cleaned", "Ready")).toMatchObject({ status: "False", reason: "Deleting" });
    behaviours.delete("cleaned-cleanup");
    await kubectl("-n", namespace, "wait", "rp/cleaned", "--for=delete", "--timeout=30s");
  });

  test("whose clean-up fails is let go by an annotation, with an event that names what stays", async () => {
    behaviours.set("stuck-cleanup", { is: "ended", code: 1, words: "ClickHouse is gone" });
    await applyPipeline("stuck", { deletionPolicy: "Delete" });
    await reasonOf("stuck", "Ready", "Available");
    await kubectl("-n", namespace, "delete", "rp", "stuck", "--wait=false");
    await eventually(
      () => kubectl("-n", namespace, "get", "job", "stuck-cleanup", "--ignore-not-found", "-o", "name"),
      (name) => name !== "",
    );
    await kubectl("-n", namespace, "annotate", "rp", "stuck", "productmatcher.dev/skip-cleanup=true");
    await kubectl("-n", namespace, "wait", "rp/stuck", "--for=delete", "--timeout=30s");
    const events = await kubectl(
      "-n",
      namespace,
      "get",
      "events",
      "--field-selector",
      "reason=CleanupSkipped",
      "-o",
      "jsonpath={.items[*].message}",
    );
    expect(events).toContain(`database ${namespace}_stuck`.replaceAll("-", "_").replace("database_", "database "));
  });

  test("in a namespace that is being deleted does not keep it", async () => {
    const ending = await newNamespace();
    const own = await startOperatorProcess({ plane: plane(), namespaces: [ending] });
    const healthy = await startKubelet(api, [ending], (role) => HEALTHY[role] ?? null);
    try {
      const resource = pipelineResource({ deletionPolicy: "Delete" }, "shop", ending);
      await kubectlApply({ ...resource, metadata: { name: "shop", namespace: ending } });
      await kubectl("-n", ending, "wait", "rp/shop", "--for=condition=Ready", "--timeout=60s");
      await kubectl("delete", "namespace", ending, "--timeout=60s");
    } finally {
      await healthy.stop();
      await own.stop();
    }
  });
});
