import { expect, test } from "vitest";
import { pipelineResource, planFor, type Spec } from "../../../test/fixtures/pipelines.ts";

test("KEDA signs in as the consumer does: by a token endpoint, whose address and scopes it reads from the pod", () => {
  const credentials = { secretRef: { name: "kafka-client" }, username: "shop" };
  const oauth = {
    tokenEndpointURL: "https://idp.example/token",
    scope: "kafka read",
    extensions: { logicalCluster: "lkc-1" },
  };
  const { source } = pipelineResource().spec as Spec;
  const kafka = { ...source.kafka, tls: {}, sasl: { mechanism: "OAUTHBEARER" as const, credentials, oauth } };
  const autoscaling = { maxReplicas: 4, targetLag: 1_000 };
  const plan = planFor(pipelineResource({ source: { ...source, kafka }, consumer: { autoscaling } }));

  const variables = {
    PRODUCTMATCHER_KAFKA_USER: "shop",
    PRODUCTMATCHER_KAFKA_TOKEN_ENDPOINT: "https://idp.example/token",
    PRODUCTMATCHER_KAFKA_SCOPES: "kafka,read",
    PRODUCTMATCHER_KAFKA_EXTENSIONS: "logicalCluster=lkc-1",
  };
  const pod = plan.deployments.consumer?.object.spec as {
    template: { spec: { containers: { env: { name: string; value: string }[] }[] } };
  };
  const env = pod.template.spec.containers[0]?.env ?? [];
  expect(Object.fromEntries(env.map(({ name, value }) => [name, value]))).toMatchObject(variables);

  const authentication = plan.rest.find(({ object }) => object.kind === "TriggerAuthentication")?.object.spec;
  const from = (parameter: string, name: string) => ({ parameter, name, containerName: "productmatcher" });
  expect(authentication).toEqual({
    secretTargetRef: [{ parameter: "password", name: "kafka-client", key: "password" }],
    env: [
      from("username", "PRODUCTMATCHER_KAFKA_USER"),
      from("oauthTokenEndpointUri", "PRODUCTMATCHER_KAFKA_TOKEN_ENDPOINT"),
      from("scopes", "PRODUCTMATCHER_KAFKA_SCOPES"),
      from("oauthExtensions", "PRODUCTMATCHER_KAFKA_EXTENSIONS"),
    ],
  });
  const scaler = plan.rest.find(({ object }) => object.kind === "ScaledObject")?.object.spec;
  expect(scaler).toMatchObject({
    triggers: [{ metadata: { sasl: "oauthbearer", tls: "enable", lagThreshold: "1000" } }],
  });
});
