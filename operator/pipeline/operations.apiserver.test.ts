/** What whoever runs the operator sees over the months: new images, replicas that die, and time that passes. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { startKubelet } from "../../test/api-server/kubelet.ts";
import { startOperatorProcess, type TestOperator, type TestOperatorOptions } from "../../test/api-server/operator.ts";
import { HEALTHY, pipelinesIn } from "../../test/api-server/pipelines.ts";
import {
  connect,
  describeApiServer,
  eventually,
  kubectl,
  mergePatch,
  newNamespace,
  plane,
} from "../../test/api-server/suite.ts";
import { missingForClock, testClock } from "../../test/fixtures/clock.ts";
import { type KubeObject, pathOf } from "../runtime/index.ts";
import { DEPLOYMENT } from "./kinds.ts";

const missingClock = missingForClock();
if (missingClock !== null) {
  if (process.env.CI === "true") throw new Error(`${missingClock}: install it`);
  console.error(`not run: ${missingClock}`);
}

async function ownNamespace() {
  const namespace = await newNamespace();
  const api = connect();
  /** Pods that stay Pending, or end otherwise than well. */
  const amiss: { behave: (role: string, pod: KubeObject) => (typeof HEALTHY)[string] | undefined } = {
    behave: () => undefined,
  };
  const kubelet = await startKubelet(api, [namespace], (role, pod) => {
    const behaviour = amiss.behave(role, pod);
    return behaviour === undefined ? (HEALTHY[role] ?? null) : behaviour;
  });
  onTestFinished(() => kubelet.stop());
  const operator = async (more: Partial<TestOperatorOptions> = {}): Promise<TestOperator> => {
    const started = await startOperatorProcess({ plane: plane(), namespaces: [namespace], ...more });
    onTestFinished(async () => {
      await started.stop("SIGKILL");
    });
    return started;
  };
  const image = (name: string) =>
    kubectl("-n", namespace, "get", "deploy", name, "-o", "jsonpath={.spec.template.spec.containers[0].image}");
  return { namespace, api, amiss, operator, image, pipelines: pipelinesIn(namespace, api) };
}

const imageOf = (pod: KubeObject) => (pod.spec as { containers: { image: string }[] }).containers[0]?.image;

describeApiServer("an operator", () => {
  test("with another image replaces the pods of so many pipelines at a time, and stops where they do not come up", async () => {
    const { amiss, operator, image, pipelines } = await ownNamespace();
    const [before, after] = ["productmatcher:0.1.0", "mirror.example/productmatcher:0.1.1"];
    const names = ["first", "second", "third"];
    const former = await operator({ args: ["--pipeline-image", before] });
    for (const name of names) await pipelines.apply(name);
    for (const name of names) await pipelines.reason(name, "Ready", "Available");
    await former.stop();

    amiss.behave = (role, pod) => (role === "consumer" && imageOf(pod) === after ? null : undefined);
    await operator({ args: ["--pipeline-image", after, "--max-rollouts", "1"] });
    const withNew = async () => {
      const images = await Promise.all(names.map((name) => image(`${name}-consumer`)));
      return images.filter((found) => found === after).length;
    };
    await eventually(withNew, (count) => count === 1);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await withNew()).toBe(1);

    amiss.behave = () => undefined;
    await eventually(withNew, (count) => count === 3);
    for (const name of names) await pipelines.reason(name, "Ready", "Available");
  });

  test("says that a roll-out makes no progress, as long as it makes none", async () => {
    const { namespace, api, amiss, operator, pipelines } = await ownNamespace();
    await operator();
    await pipelines.apply("stuck");
    await pipelines.reason("stuck", "Ready", "Available");
    const known = await kubectl("-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}");
    amiss.behave = (role, pod) => (role === "recommender" && !known.includes(pod.metadata.name) ? null : undefined);
    await pipelines.apply("stuck", { serving: { sessionMinutes: 61 } });
    await eventually(
      () => kubectl("-n", namespace, "get", "deploy", "stuck-recommender", "-o", "jsonpath={.status.updatedReplicas}"),
      (updated) => updated === "1",
    );
    // What the controller writes after progressDeadlineSeconds.
    const path = pathOf(DEPLOYMENT, namespace, "stuck-recommender", "status");
    const { status } = await api.request<{ status: { conditions: { type: string }[] } }>({ method: "GET", path });
    const conditions = status.conditions.map((condition) =>
      condition.type === "Progressing"
        ? { ...condition, status: "False", reason: "ProgressDeadlineExceeded", message: "has timed out progressing" }
        : condition,
    );
    await mergePatch(api, DEPLOYMENT, namespace, "stuck-recommender", { status: { conditions } }, "status");
    await pipelines.reason("stuck", "ServingReady", "RolloutStuck");
    expect(await pipelines.reason("stuck", "Stalled", "RolloutStuck")).toMatchObject({ status: "True" });

    amiss.behave = () => undefined;
    await pipelines.reason("stuck", "ServingReady", "Available");
    await eventually(
      () => pipelines.condition("stuck", "Stalled"),
      (stalled) => stalled === undefined,
    );
  });

  test("logs in JSON with the resource's key, sends a span for each reconcile, and ends in good order", async () => {
    const { namespace, operator, pipelines } = await ownNamespace();
    const received: Buffer[] = [];
    const collector = http.createServer((request, response) => {
      request.on("data", (chunk: Buffer) => received.push(chunk));
      request.on("end", () => response.end());
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void collector.close());
    const { port } = collector.address() as AddressInfo;
    const running = await operator({
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_BSP_SCHEDULE_DELAY: "200" },
    });
    await pipelines.apply("traced");
    await pipelines.reason("traced", "Ready", "Available");
    await kubectl("-n", namespace, "create", "cm", "odd-consumer");
    await pipelines.apply("odd");
    await pipelines.reason("odd", "ConfigurationValid", "NameTaken");

    expect(await running.stop()).toBe(0);
    const sent = Buffer.concat(received).toString("latin1");
    expect(sent).toContain("productmatcher-operator");
    for (const part of ["reconcile", "productmatcher.resource", `${namespace}/traced`]) expect(sent).toContain(part);
    const lines = running
      .log()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as { msg: string; resource?: string });
    expect(lines.find(({ resource }) => resource === `${namespace}/odd`)?.msg).toContain(
      "ConfigMap odd-consumer exists",
    );
  });

  test("that is killed is followed by the other replica within fifteen seconds, at the times of production", async () => {
    const { operator, pipelines } = await ownNamespace();
    const leads = async (found: TestOperator) => JSON.parse((await found.get("/status")).text).leads as boolean;
    const first = await operator();
    await eventually(() => leads(first), Boolean);
    const second = await operator();
    await pipelines.apply("before");
    await pipelines.reason("before", "Ready", "Available");
    expect(await leads(second)).toBe(false);
    await first.stop("SIGKILL");
    await eventually(() => leads(second), Boolean, 15_000);
    await pipelines.apply("after");
    await pipelines.reason("after", "Ready", "Available");
  });

  test.skipIf(missingClock !== null)(
    "calls a missing Secret stalled after five minutes, and lets go after ten of a clean-up that fails",
    async () => {
      const { namespace, amiss, operator, pipelines } = await ownNamespace();
      const clock = testClock();
      await operator({ environment: clock.environment });
      amiss.behave = (role, pod) => {
        const of = pod.metadata.labels?.["app.kubernetes.io/part-of"];
        const words = { reason: "SecretMissing", message: "Secret clickhouse has no key password" };
        if (of === "secretless" && role === "recommender") return { is: "crashing", words };
        return role === "cleanup"
          ? { is: "ended", code: 1, words: { message: "topics cannot be removed" } }
          : undefined;
      };
      await pipelines.apply("secretless");
      await pipelines.apply("kept", { deletionPolicy: "Delete" });
      await pipelines.reason("secretless", "ServingReady", "SecretMissing");
      await pipelines.reason("kept", "Ready", "Available");
      expect(await pipelines.condition("secretless", "Stalled")).toBeUndefined();
      await kubectl("-n", namespace, "delete", "rp", "kept", "--wait=false");
      await eventually(
        () => kubectl("-n", namespace, "get", "job", "kept-cleanup", "--ignore-not-found", "-o", "name"),
        (found) => found !== "",
      );

      clock.set("+6m");
      await kubectl("-n", namespace, "annotate", "rp", "secretless", "looked-at=again");
      await pipelines.reason("secretless", "Stalled", "SecretMissing");
      expect(await kubectl("-n", namespace, "get", "rp", "kept", "-o", "name")).toContain("kept");
      amiss.behave = (role) => (role === "cleanup" ? null : undefined);
      await eventually(
        () => pipelines.condition("secretless", "Stalled"),
        (stalled) => stalled === undefined,
      );

      clock.set("+11m");
      await kubectl("-n", namespace, "wait", "rp/kept", "--for=delete", "--timeout=60s");
      const events = await kubectl("-n", namespace, "get", "events.events.k8s.io", "-o", "jsonpath={..note}");
      expect(events).toMatch(/Deleted without cleaning up: Job \S*kept-cleanup .*within ten minutes/);
    },
  );
});
