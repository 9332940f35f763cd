import { describe, expect, it } from "vitest";
import { pipelineSchema, type Schema } from "../../crds/index.ts";
import { validatePipeline } from "./validate.ts";

type Spec = Record<string, unknown>;

const kafka = { bootstrapServers: ["kafka:9092"] };
const clickhouse = { url: "http://clickhouse:8123", credentials: { secretRef: { name: "clickhouse" } } };
const key = { name: "web", secretKeyRef: { name: "keys", key: "web" } };
const ingress = { type: "Ingress", host: "recs.shop.example" };
const route = { type: "HTTPRoute", host: "recs.shop.example", httpRoute: { parentRefs: [{ name: "public" }] } };
const arms = [
  { name: "control", percent: 50 },
  { name: "other", percent: 50 },
];

function pipeline(spec: Spec = {}, name = "storefront") {
  return {
    apiVersion: "productmatcher.dev/v1alpha1",
    kind: "RecommenderPipeline",
    metadata: { name },
    spec: { source: { kafka, topics: [{ name: "events" }] }, sink: { clickhouse }, ...spec },
  };
}

const topic = (fields: Spec) => ({ source: { kafka, topics: [{ name: "events" }, { name: "other", ...fields }] } });
const occurredAt = (time: Spec) =>
  topic({ event: "view", mapping: { fields: { userId: "u", itemId: "i" }, occurredAt: time } });
const kafkaWith = (fields: Spec) => ({ source: { kafka: { ...kafka, ...fields }, topics: [{ name: "events" }] } });
const sasl = (fields: Spec) => kafkaWith({ tls: {}, sasl: fields });
const credentials = { secretRef: { name: "kafka-user" } };
const oauth = { tokenEndpointURL: "https://login.example/oauth2/token" };
const clickhouseWith = (fields: Spec) => ({ sink: { clickhouse: { ...clickhouse, ...fields } } });
const postgres = (tables: Spec) => ({ enrichment: { postgres: { uriSecretKeyRef: { name: "db" }, ...tables } } });
const users = { table: "users", key: "id", columns: { username: "name" } };
const serving = (fields: Spec) => ({ serving: fields });
const rules = (...list: Spec[]) => serving({ rules: list.map((rule, index) => ({ name: `rule-${index}`, ...rule })) });
const experiments = (...list: Spec[]) =>
  serving({ experiments: list.map((experiment, index) => ({ name: `test-${index}`, arms, ...experiment })) });
const pin = { type: "Pin", position: 1, items: "item.stock > 0" };

interface Case {
  readonly id: string;
  readonly message: string;
  readonly path: string;
  readonly breaks: Spec;
  readonly holds: Spec;
  /** The spec before, of rules on changes. */
  readonly before?: Spec;
  readonly name?: string;
}

const scaled = (role: string): Case => ({
  id: "V12",
  message: "autoscaling.maxReplicas is below replicas",
  path: `spec.${role}.autoscaling.maxReplicas`,
  breaks: { [role]: { replicas: 5, autoscaling: { maxReplicas: 4, targetCPUPercent: 50 } } },
  holds: { [role]: { replicas: 5, autoscaling: { maxReplicas: 5, targetCPUPercent: 50 } } },
});

const CASES: readonly Case[] = [
  {
    id: "V1",
    message: "source.kafka.prefix names",
    path: "spec.source.kafka",
    before: kafkaWith({ prefix: "a" }),
    breaks: kafkaWith({ prefix: "b" }),
    holds: kafkaWith({ prefix: "a" }),
  },
  {
    id: "V1",
    message: "source.kafka.prefix names",
    path: "spec.source.kafka",
    before: {},
    breaks: kafkaWith({ prefix: "b" }),
    holds: {},
  },
  {
    id: "V1",
    message: "sink.clickhouse.database cannot",
    path: "spec.sink.clickhouse",
    before: clickhouseWith({ database: "a" }),
    breaks: {},
    holds: clickhouseWith({ database: "a" }),
  },
  {
    id: "V2",
    message: "sink.clickhouse.cluster decides",
    path: "spec.sink.clickhouse",
    before: {},
    breaks: clickhouseWith({ cluster: "c" }),
    holds: clickhouseWith({ retentionDays: 9 }),
  },
  {
    id: "V3",
    message: "no activity would arrive",
    path: "spec",
    breaks: { source: { kafka, topics: [{ name: "items", record: "Item" }] } },
    holds: { source: { kafka }, collector: {} },
  },
  {
    id: "V4",
    message: "event goes with record: Event only",
    path: "spec.source.topics[1]",
    breaks: topic({ record: "User", event: "view" }),
    holds: topic({ record: "User" }),
  },
  {
    id: "V5",
    message: "name the event once",
    path: "spec.source.topics[1]",
    breaks: topic({ event: "view", mapping: { fields: { userId: "u", event: "e" } } }),
    holds: topic({ mapping: { fields: { userId: "u", event: "e" } } }),
  },
  {
    id: "V5",
    message: "name the event once",
    path: "spec.source.topics[1]",
    breaks: topic({ mapping: { fields: { userId: "u" } } }),
    holds: topic({ event: "search", mapping: { fields: { userId: "u" } } }),
  },
  {
    id: "V6",
    message: "map at least one of userId",
    path: "spec.source.topics[1]",
    breaks: topic({ event: "search", mapping: { fields: { itemId: "i" } } }),
    holds: topic({ event: "search", mapping: { fields: { sessionId: "s" } } }),
  },
  {
    id: "V7",
    message: "record: Item needs",
    path: "spec.source.topics[1]",
    breaks: topic({ record: "Item", mapping: { fields: { name: "n" } } }),
    holds: topic({ record: "Item", mapping: { fields: { itemId: "i" } } }),
  },
  {
    id: "V8",
    message: "record: User needs",
    path: "spec.source.topics[1]",
    breaks: topic({ record: "User", mapping: { fields: { city: "c" } } }),
    holds: topic({ record: "User", mapping: { fields: { userId: "u" } } }),
  },
  {
    id: "V9",
    message: "occurredAt.pattern goes with",
    path: "spec.source.topics[1].mapping.occurredAt",
    breaks: occurredAt({ path: "at", pattern: "yyyy-MM-dd" }),
    holds: occurredAt({ path: "at", format: "Pattern", pattern: "yyyy-MM-dd" }),
  },
  {
    id: "V9",
    message: "occurredAt.pattern goes with",
    path: "spec.source.topics[1].mapping.occurredAt",
    breaks: occurredAt({ path: "at", format: "Pattern" }),
    holds: occurredAt({ path: "at" }),
  },
  {
    id: "V10",
    message: "name users, items or both",
    path: "spec.enrichment.postgres",
    breaks: postgres({}),
    holds: postgres({ users }),
  },
  {
    id: "V11",
    message: "an event is a touch or a conversion",
    path: "spec.attribution",
    breaks: { attribution: { touches: ["view", "purchase"] } },
    holds: { attribution: { touches: ["purchase"], conversions: ["refund"] } },
  },
  scaled("collector"),
  scaled("consumer"),
  scaled("serving"),
  {
    id: "V13",
    message: "collector.exposure needs",
    path: "spec.collector",
    breaks: { collector: { exposure: ingress } },
    holds: { collector: { exposure: ingress, writeKeys: [key] } },
  },
  {
    id: "V13",
    message: "serving.exposure needs",
    path: "spec.serving",
    breaks: serving({ exposure: ingress }),
    holds: serving({ exposure: ingress, apiKeys: [key] }),
  },
  {
    id: "V13",
    message: "serving.exposure needs",
    path: "spec.serving",
    breaks: serving({ exposure: route }),
    holds: serving({ exposure: route, jwt: { issuer: "i", audience: "a" } }),
  },
  {
    id: "V14",
    message: "set one target",
    path: "spec.consumer.autoscaling",
    breaks: { consumer: { autoscaling: { maxReplicas: 4 } } },
    holds: { consumer: { autoscaling: { maxReplicas: 4, targetLag: 100 } } },
  },
  {
    id: "V14",
    message: "set one target",
    path: "spec.consumer.autoscaling",
    breaks: { consumer: { autoscaling: { maxReplicas: 4, targetLag: 100, targetCPUPercent: 50 } } },
    holds: { consumer: { autoscaling: { maxReplicas: 4, targetCPUPercent: 50 } } },
  },
  {
    id: "V15",
    message: "hybrid ranks the candidates",
    path: "spec.training",
    breaks: { training: { algorithms: ["hybrid"] } },
    holds: { training: { algorithms: ["hybrid", "content"] } },
  },
  {
    id: "V16",
    message: "evaluation.holdoutHours must be shorter",
    path: "spec.training",
    breaks: { training: { lookbackDays: 1 } },
    holds: { training: { lookbackDays: 1, evaluation: { holdoutHours: 23 } } },
  },
  {
    id: "V17",
    message: "tuning.timeoutMinutes must be below",
    path: "spec.training",
    breaks: { training: { timeoutMinutes: 30, tuning: {} } },
    holds: { training: { timeoutMinutes: 31, tuning: {} } },
  },
  {
    id: "V18",
    message: "a pinned model has no canary",
    path: "spec.serving.model",
    breaks: serving({ model: { pinnedVersion: "v1", canary: {} } }),
    holds: serving({ model: { pinnedVersion: "v1" } }),
  },
  {
    id: "V19",
    message: "boostPercent goes with",
    path: "spec.serving.rules[0]",
    breaks: rules({ type: "Boost", items: "true" }),
    holds: rules({ type: "Boost", items: "true", boostPercent: 5 }),
  },
  {
    id: "V19",
    message: "boostPercent goes with",
    path: "spec.serving.rules[0]",
    breaks: rules({ type: "Filter", items: "true", boostPercent: 5 }),
    holds: rules({ type: "Filter", items: "true" }),
  },
  {
    id: "V19",
    message: "position goes with",
    path: "spec.serving.rules[0]",
    breaks: rules({ type: "Pin", items: "true" }),
    holds: rules(pin),
  },
  {
    id: "V19",
    message: "attribute and max go with",
    path: "spec.serving.rules[0]",
    breaks: rules({ type: "Quota", attribute: "tags" }),
    holds: rules({ type: "Quota", attribute: "tags", max: 2 }),
  },
  {
    id: "V19",
    message: "items is needed",
    path: "spec.serving.rules[0]",
    breaks: rules({ type: "Filter" }),
    holds: rules({ type: "Filter", items: "true" }),
  },
  {
    id: "V20",
    message: "two pins hold the same position",
    path: "spec.serving",
    breaks: rules(pin, pin),
    holds: rules(pin, { ...pin, position: 2 }, { ...pin, when: "request.home" }),
  },
  {
    id: "V21",
    message: "the percents of the arms",
    path: "spec.serving.experiments[0]",
    breaks: experiments({
      arms: [
        { name: "control", percent: 50 },
        { name: "b", percent: 40 },
      ],
    }),
    holds: experiments({
      arms: [
        { name: "control", percent: 60 },
        { name: "b", percent: 40 },
      ],
    }),
  },
  {
    id: "V21",
    message: "one arm must be named control",
    path: "spec.serving.experiments[0]",
    breaks: experiments({
      arms: [
        { name: "a", percent: 50 },
        { name: "b", percent: 50 },
      ],
    }),
    holds: experiments({}),
  },
  {
    id: "V22",
    message: "arms and metric of a running",
    path: "spec.serving.experiments[0]",
    before: experiments({}),
    breaks: experiments({ metric: "ClickRate" }),
    holds: experiments({ arms: arms.toReversed() }),
  },
  {
    id: "V23",
    message: "the trafficPercents of one layer",
    path: "spec.serving",
    breaks: experiments({ trafficPercent: 60 }, { trafficPercent: 60 }),
    holds: experiments({ trafficPercent: 60 }, { trafficPercent: 60, layer: "prices" }),
  },
  {
    id: "V24",
    message: "exposure.ingress needs",
    path: "spec.serving.exposure",
    breaks: serving({ apiKeys: [key], exposure: { ...route, ingress: {} } }),
    holds: serving({ apiKeys: [key], exposure: { ...ingress, ingress: {} } }),
  },
  {
    id: "V24",
    message: "exposure.type: HTTPRoute needs",
    path: "spec.serving.exposure",
    breaks: serving({ apiKeys: [key], exposure: { ...route, type: "Ingress" } }),
    holds: serving({ apiKeys: [key], exposure: route }),
  },
  {
    id: "V24",
    message: "exposure.type: HTTPRoute needs",
    path: "spec.collector.exposure",
    breaks: { collector: { writeKeys: [key], exposure: { type: "HTTPRoute", host: "a.example" } } },
    holds: { collector: { writeKeys: [key], exposure: route } },
  },
  {
    id: "V25",
    message: "sasl.credentials is needed, except",
    path: "spec.source.kafka.sasl",
    breaks: sasl({ mechanism: "PLAIN" }),
    holds: sasl({ mechanism: "PLAIN", credentials }),
  },
  {
    id: "V25",
    message: "sasl.credentials is needed, except",
    path: "spec.source.kafka.sasl",
    breaks: sasl({ mechanism: "AWS_MSK_IAM", region: "eu-central-1", credentials }),
    holds: sasl({ mechanism: "AWS_MSK_IAM", region: "eu-central-1" }),
  },
  {
    id: "V26",
    message: "sasl.oauth goes with mechanism: OAUTHBEARER",
    path: "spec.source.kafka.sasl",
    breaks: sasl({ mechanism: "OAUTHBEARER", credentials }),
    holds: sasl({ mechanism: "OAUTHBEARER", credentials, oauth }),
  },
  {
    id: "V26",
    message: "sasl.oauth goes with mechanism: OAUTHBEARER",
    path: "spec.source.kafka.sasl",
    breaks: sasl({ mechanism: "SCRAM-SHA-512", credentials, oauth }),
    holds: sasl({ mechanism: "SCRAM-SHA-512", credentials }),
  },
  {
    id: "V27",
    message: "sasl.region goes with mechanism: AWS_MSK_IAM",
    path: "spec.source.kafka.sasl",
    breaks: sasl({ mechanism: "AWS_MSK_IAM" }),
    holds: sasl({ mechanism: "AWS_MSK_IAM", region: "eu-central-1" }),
  },
  {
    id: "V28",
    message: "mechanism: AWS_MSK_IAM needs tls",
    path: "spec.source.kafka",
    breaks: kafkaWith({ sasl: { mechanism: "AWS_MSK_IAM", region: "eu-central-1" } }),
    holds: kafkaWith({ tls: {}, sasl: { mechanism: "AWS_MSK_IAM", region: "eu-central-1" } }),
  },
  {
    id: "V29",
    message: "a topic with format: SchemaRegistry needs",
    path: "spec.source",
    breaks: topic({ format: "SchemaRegistry" }),
    holds: {
      source: {
        kafka: { ...kafka, schemaRegistry: { url: "https://registry:8081" } },
        topics: [{ name: "events", format: "SchemaRegistry" }, { name: "other" }],
      },
    },
  },
  {
    id: "name",
    message: "the name may have at most 40",
    path: "metadata.name",
    name: "9-lives",
    breaks: {},
    holds: {},
  },
  {
    id: "name",
    message: "the name may have at most 40",
    path: "metadata.name",
    name: "a".repeat(41),
    breaks: {},
    holds: {},
  },
];

function faultsOf(spec: Spec, { before, name }: Pick<Case, "before" | "name">): { path: string; message: string }[] {
  const old = before === undefined ? {} : { old: pipeline(before) };
  return validatePipeline(pipeline(spec, name), old).faults.map(({ path, message }) => ({
    path: path.reduce<string>(
      (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
      "",
    ),
    message,
  }));
}

describe("a rule", () => {
  it.each(CASES)("$id refuses what breaks it at $path: $message", ({ message, path, breaks, before, name }) => {
    expect(faultsOf(breaks, { ...(before && { before }), ...(name && { name }) })).toEqual([
      { path, message: expect.stringContaining(message) },
    ]);
  });

  it.each(CASES)("$id passes what holds it: $message", ({ holds, before }) => {
    expect(faultsOf(holds, before ? { before } : {})).toEqual([]);
  });

  it("is tried by a case, whichever it is", () => {
    const untried = rulesOf(pipelineSchema).filter(
      ({ id, message }) => !CASES.some((tried) => tried.id === id && message.startsWith(tried.message)),
    );
    expect(untried).toEqual([]);
  });

  it("on changes is left out without the resource as it was", () => {
    expect(validatePipeline(pipeline(kafkaWith({ prefix: "b" }))).faults).toEqual([]);
  });

  it("on a change of an experiment follows the experiment's name, not its place in the list", () => {
    const before = experiments({ layer: "a" }, { layer: "b" });
    const after = serving({ experiments: [...(before.serving.experiments as Spec[])].reverse() });
    expect(faultsOf(after, { before })).toEqual([]);
    expect(faultsOf(experiments({ layer: "a" }), { before })).toEqual([]);
  });

  it("is left out when it would read a field of the wrong type, which is told alone", () => {
    const faults = faultsOf({ training: { lookbackDays: "1" } }, {});
    expect(faults).toEqual([{ path: "spec.training.lookbackDays", message: 'expected a whole number, found "1"' }]);
  });
});

function rulesOf(schema: Schema): { id: string; message: string }[] {
  const below = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  return [
    ...(schema["x-kubernetes-validations"] ?? []),
    ...below.flatMap((inner) => (inner === undefined ? [] : rulesOf(inner))),
  ];
}
