import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { namesOf, readPipelines } from "../../services/config/index.ts";
import { ensureTopics, ownTopics } from "../../services/kafka/index.ts";
import { broker, describeKafka, openLog, PATIENT } from "./suite.ts";

const pipelineOf = (name: string) => {
  const text = `
apiVersion: productmatcher.dev/v1alpha1
kind: RecommenderPipeline
metadata: { name: ${name}, namespace: shop }
spec:
  source: { kafka: { bootstrapServers: [kafka:9092] }, topics: [{ name: clicks }] }
  sink: { clickhouse: { url: "http://clickhouse:8123", credentials: { secretRef: { name: clickhouse } } } }`;
  return readPipelines(text, { source: "test" }).pipelines[0]!;
};
const DAY = 86_400_000;

async function settings(topics: readonly string[]) {
  const { Kafka, logLevel, ConfigResourceTypes } = (await import("kafkajs")).default;
  const admin = new Kafka({ brokers: [broker().plaintext], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
  const { resources } = await admin.describeConfigs({
    resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
    includeSynonyms: false,
  });
  await admin.disconnect();
  return new Map(
    resources.map(({ resourceName, configEntries }) => {
      const partitions = metadata.topics.find(({ name }) => name === resourceName)?.partitions.length;
      return [
        resourceName,
        { partitions, ...Object.fromEntries(configEntries.map((e) => [e.configName, e.configValue])) },
      ];
    }),
  );
}

describeKafka("a pipeline's own topics", () => {
  it("are made as the resource says when they are absent, and stay as they are when they are there", async () => {
    const pipeline = pipelineOf(`p-${randomUUID().slice(0, 8)}`);
    const names = namesOf(pipeline);
    const { topicDefaults } = pipeline.spec.source.kafka;
    const topics = ownTopics(names, { ...topicDefaults, replicationFactor: 1 });
    const log = openLog();
    await log.createTopic(names.eventsTopic, { partitions: 2, replicationFactor: 1 });
    expect(await ensureTopics(log, topics)).toEqual([names.signalsTopic, names.deadLettersTopic, names.entitiesTopic]);
    expect(await ensureTopics(log, topics)).toEqual([]);
    const found = await settings(topics.map(({ name }) => name));
    expect(found.get(names.eventsTopic)).toMatchObject({ partitions: 2, "message.timestamp.type": "CreateTime" });
    for (const name of [names.signalsTopic, names.deadLettersTopic]) {
      expect(found.get(name)).toMatchObject({
        partitions: 12,
        "cleanup.policy": "delete",
        "retention.ms": `${7 * DAY}`,
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": "8388608",
      });
    }
    expect(found.get(names.entitiesTopic)).toMatchObject({ partitions: 12, "cleanup.policy": "compact" });
  });

  it("count the retention from a record's arrival, whatever its own time", async () => {
    const names = namesOf(pipelineOf(`p-${randomUUID().slice(0, 8)}`));
    const log = openLog();
    await ensureTopics(log, ownTopics(names, { partitions: 1, replicationFactor: 1, retentionHours: 1 }));
    const before = Date.now();
    await log.append(names.eventsTopic, [{ key: null, value: Buffer.from("{}"), timestamp: Date.UTC(2011, 0, 1) }]);
    const tail = await log.subscribe({ group: null, topics: [names.eventsTopic], startFrom: "Earliest" });
    const [record] = await tail.poll(PATIENT);
    expect(Math.abs((record?.timestamp ?? 0) - before)).toBeLessThan(60_000);
  });

  it("say why they could not be made", async () => {
    const names = namesOf(pipelineOf(`p-${randomUUID().slice(0, 8)}`));
    const topics = ownTopics(names, { partitions: 1, replicationFactor: 3, retentionHours: 1 });
    const failed = await ensureTopics(openLog({ requestTimeoutMilliseconds: 500 }), topics).catch((error) => error);
    expect(failed).toMatchObject({ code: "refused", place: { topic: names.eventsTopic } });
    expect(failed.message).toContain("Replication-factor");
  });
});
