import { describe, expect, test } from "vitest";
import { exampleFile, faultsFor, pipelineResource, planFor, SETTINGS } from "../../test/fixtures/pipelines.ts";
import { allChildren } from "./compile.ts";

const namesOfKind = (resource = pipelineResource(), kind = "Deployment") =>
  allChildren(planFor(resource))
    .filter(({ object }) => object.kind === kind)
    .map(({ object }) => object.metadata.name);

describe("a resource becomes children", () => {
  test("of the kinds and names of the contract", () => {
    const whole = exampleFile("storefront");
    const list = allChildren(planFor(whole)).map(({ object }) => `${object.kind} ${object.metadata.name}`);
    const expected = [
      ...["collector", "consumer", "recommender", "trainer"].flatMap((role) =>
        ["NetworkPolicy", "ServiceAccount", "ConfigMap"].map((kind) => `${kind} storefront-${role}`),
      ),
      ...["ServiceAccount storefront-migrate", "ConfigMap storefront-migrate", "ConfigMap storefront-recommender-live"],
      ...["Service storefront-collector", "Service storefront-recommender"],
      `Job storefront-migrate-${planFor(whole).migration.hash}`,
      ...["collector", "consumer", "recommender"].map((role) => `Deployment storefront-${role}`),
      "CronJob storefront-trainer",
      ...["collector", "consumer", "recommender"].map((role) => `PodDisruptionBudget storefront-${role}`),
      ...["collector", "recommender"].map((role) => `HorizontalPodAutoscaler storefront-${role}`),
      ...["HTTPRoute storefront-collector", "Ingress storefront-recommender"],
      ...["ScaledObject storefront-consumer", "TriggerAuthentication storefront-consumer"],
    ];
    expect(list.toSorted()).toEqual(expected.toSorted());
  });

  test("without a collector unless there is one, and without what was not asked for", () => {
    expect(namesOfKind()).toEqual(["shop-consumer", "shop-recommender"]);
    expect(namesOfKind(pipelineResource({ collector: {} }))).toContain("shop-collector");
    expect(namesOfKind(pipelineResource(), "HorizontalPodAutoscaler")).toEqual([]);
    expect(namesOfKind(pipelineResource({ networkPolicies: "None" }), "NetworkPolicy")).toEqual([]);
  });

  test("that are the same bytes each time, whatever order the lists are written in", () => {
    const once = JSON.stringify(allChildren(planFor(exampleFile("storefront"))));
    expect(JSON.stringify(allChildren(planFor(exampleFile("storefront"))))).toBe(once);
  });

  test("that are owned by the resource, labelled for selectors and watches", () => {
    for (const { object } of allChildren(planFor(pipelineResource({ collector: {} })))) {
      expect(object.metadata).toMatchObject({
        namespace: "default",
        labels: { "app.kubernetes.io/managed-by": "productmatcher-operator", "app.kubernetes.io/part-of": "shop" },
        ownerReferences: [{ uid: "uid-1", controller: true, blockOwnerDeletion: true }],
      });
    }
  });

  test("and a migration that is another one when image, sink or catalogue changes, and only then", () => {
    const hash = (more = {}, settings = SETTINGS) =>
      planFor(pipelineResource(more), undefined, settings).migration.hash;
    const before = hash();
    expect(hash({ training: { lookbackDays: 5 }, collector: {} })).toBe(before);
    expect(hash({ catalog: { attributes: [{ name: "brand", type: "String" }] } })).not.toBe(before);
    expect(hash({}, { ...SETTINGS, pipelineImage: "productmatcher:0.1.1" })).not.toBe(before);
  });
});

describe("a resource that the API server took is refused", () => {
  const KAFKA = { bootstrapServers: ["kafka:9092"] };

  test.each([
    [
      "MappingInvalid",
      "spec.source.topics[0].mapping.fields.userId",
      { source: { kafka: KAFKA, topics: [{ name: "t", event: "view", mapping: { fields: { userId: "/a//b" } } }] } },
    ],
    [
      "RuleInvalid",
      "spec.serving.rules[0].items",
      { serving: { rules: [{ name: "r", type: "Filter", items: "item." }] } },
    ],
    [
      "ExperimentInvalid",
      "spec.serving.experiments[0].arms[1].algorithm",
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
    ["ScheduleInvalid", "spec.training.schedule", { training: { schedule: "61 * * * *" } }],
    ["ScheduleInvalid", "spec.training.timeZone", { training: { timeZone: "Mars/Olympus" } }],
    ["ImageUnsupported", "0.1", { image: "productmatcher:1.4.0" }],
  ] as const)("as %s, at %s", (reason, place, more) => {
    const faults = faultsFor(pipelineResource(more as object));
    expect(faults.map((fault) => fault.reason)).toEqual([reason]);
    expect(faults[0]?.message).toContain(place);
  });

  test("as long as the cluster has not what it needs", () => {
    const lag = pipelineResource({ consumer: { autoscaling: { maxReplicas: 3, targetLag: 100 } } });
    expect(faultsFor(lag, { gatewayApi: true, keda: false }).map(({ reason }) => reason)).toEqual(["KedaMissing"]);
    expect(faultsFor(lag)).toEqual([]);
    const routed = exampleFile("storefront");
    expect(faultsFor(routed, { gatewayApi: false, keda: true }).map(({ reason }) => reason)).toEqual([
      "GatewayApiMissing",
    ]);
  });

  test("but not for fields of a newer schema, which are for a newer operator", () => {
    expect(faultsFor(pipelineResource({ fieldOfTomorrow: { a: 1 } } as object))).toEqual([]);
  });
});
