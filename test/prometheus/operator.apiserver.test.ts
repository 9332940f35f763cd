/**
 * A real Prometheus scrapes the real operator on a real API server: the panels that show it have data, and what it says of
 * pipelines and of itself alarms and ends with its cause. The windows of rules are sixty times shorter here.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { durations } from "../../dashboards/rules/index.ts";
import { type Behaviour, startKubelet, type TestKubelet } from "../api-server/kubelet.ts";
import { installOperator, startOperatorProcess, type TestOperator } from "../api-server/operator.ts";
import { HEALTHY, pipelinesIn, type TestPipelines } from "../api-server/pipelines.ts";
import { startProxy, type TestProxy } from "../api-server/proxy.ts";
import { connect, describeApiServer, kubectl, newNamespace, plane } from "../api-server/suite.ts";
import { alertsIn, firedIn } from "./alerts.ts";
import { describePrometheus } from "./install.ts";
import { isOfOperator, promPanels, withoutData } from "./panels.ts";
import { startPrometheus, type TestPrometheus } from "./prometheus.ts";

const FACTOR = 60;
const RATE = "30s";
const PATIENCE = { timeout: 90_000, interval: 500 };
const TEST_MILLISECONDS = 240_000;
const ENOUGH: Behaviour = { is: "ready", report: { source: { lag: 0, storedEvents: 100_000 } } };
const PROMOTED: Behaviour = {
  is: "ended",
  code: 0,
  words: {
    result: "Promoted",
    memoryBytes: 200_000_000,
    candidates: [{ algorithm: "itemNeighbours", score: "0.1822", verdict: "published" }],
  },
};

describeApiServer("Prometheus and the operator", () => {
  describePrometheus("that looks after pipelines", () => {
    const behaviours = new Map<string, Behaviour>();
    let namespace: string;
    let kubelet: TestKubelet;
    let proxy: TestProxy;
    let pipelines: TestPipelines;
    let operator: TestOperator;
    let prometheus: TestPrometheus;

    const startOperator = async () => {
      operator = await startOperatorProcess({ plane: plane(), namespaces: [namespace], server: proxy.address });
      prometheus.scrape([operator.address]);
    };
    const firing = async () =>
      (await prometheus.alerts())
        .filter(({ state }) => state === "firing")
        .map(({ name, labels }) => `${name} ${labels.pipeline ?? ""}`.trim());
    const fires = (alert: string) => expect.poll(firing, PATIENCE).toContain(alert);
    const ends = (alert: string) => expect.poll(firing, PATIENCE).not.toContain(alert);

    beforeAll(async () => {
      await installOperator(plane());
      namespace = await newNamespace();
      pipelines = pipelinesIn(namespace);
      kubelet = await startKubelet(connect(), [namespace], (role, pod) => {
        const pipeline = pod.metadata.labels?.["app.kubernetes.io/part-of"];
        const standing = { ...HEALTHY, consumer: ENOUGH, trainer: PROMOTED }[role] ?? null;
        return behaviours.get(`${pipeline}-${role}`) ?? standing;
      });
      proxy = await startProxy(plane());
      prometheus = await startPrometheus({ duration: durations(FACTOR) });
      await startOperator();
      await pipelines.apply("good");
      await pipelines.reason("good", "Ready", "Available");
    }, 240_000);

    afterAll(async () => {
      await operator?.stop("SIGKILL");
      await kubelet?.stop();
      await proxy?.close();
      await prometheus?.stop();
    });

    test(
      "says how a pipeline's training went, with data in every panel of its own",
      async () => {
        await pipelines.reason("good", "TrainingSucceeded", "Promoted");
        const panels = promPanels(RATE).filter((panel) => isOfOperator(panel));
        expect(panels.length).toBeGreaterThan(8);
        const training = promPanels(RATE).filter(({ expr }) =>
          expr.includes("productmatcher_pipeline_training_result"),
        );
        await expect.poll(() => withoutData(prometheus, [...panels, ...training]), PATIENCE).toEqual([]);
        const candidate = await prometheus.query('productmatcher_pipeline_candidate_score{pipeline="good"}');
        expect(candidate.map(({ value }) => value)).toEqual([0.1822]);
      },
      TEST_MILLISECONDS,
    );

    test(
      "alarms about a pipeline that is not ready until it is",
      async () => {
        behaviours.set("bad-recommender", { is: "crashing" });
        await pipelines.apply("bad");
        await fires("ProductMatcherPipelineNotReady bad");
        behaviours.delete("bad-recommender");
        await ends("ProductMatcherPipelineNotReady bad");
        expect(await firing()).not.toContain("ProductMatcherPipelineNotReady good");
      },
      TEST_MILLISECONDS,
    );

    test(
      "alarms about training that fails until a run succeeds",
      async () => {
        behaviours.set("failing-trainer", {
          is: "ended",
          code: 1,
          words: { result: "Failed", message: "no memory left" },
        });
        await pipelines.apply("failing");
        await fires("ProductMatcherTrainingFailing failing");
        behaviours.delete("failing-trainer");
        await kubectl("-n", namespace, "create", "job", "failing-trainer-again", "--from=cronjob/failing-trainer");
        await ends("ProductMatcherTrainingFailing failing");
      },
      TEST_MILLISECONDS,
    );

    test(
      "alarms about its own errors until the API server takes its writes again",
      async () => {
        proxy.refuse = ({ method, url }) => (method === "PATCH" && url.includes("configmaps") ? 500 : null);
        let refused = true;
        const changes = (async () => {
          for (let holdout = 2; refused && holdout < 500; holdout += 1) {
            await pipelines.apply("good", { training: { evaluation: { holdoutHours: holdout } } });
            await sleep(500);
          }
        })();
        await fires("ProductMatcherOperatorErrors");
        refused = false;
        await changes;
        proxy.refuse = () => null;
        await ends("ProductMatcherOperatorErrors");
      },
      TEST_MILLISECONDS,
    );

    test(
      "is missed when it is gone until another leads",
      async () => {
        await operator.stop();
        await fires("ProductMatcherOperatorDown");
        await startOperator();
        await ends("ProductMatcherOperatorDown");
        // Of the roles, which this Prometheus does not scrape, there is nothing to tell.
        expect(await firedIn(prometheus)).toEqual(alertsIn("operator"));
      },
      TEST_MILLISECONDS,
    );
  });
});
