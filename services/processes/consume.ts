/** `productmatcher consume`: topics into tables. */
import type { RecordMapper, TopicSpec } from "../activity/index.ts";
import { storedCounts, storedMetrics } from "../clickhouse/index.ts";
import {
  attributeSource,
  CONSUMER_LIMITS,
  type ConsumedSpec,
  compileMapper,
  consumerMetrics,
  consumerSettings,
  isAlive,
  startCatalogue,
  startConsumer,
} from "../consumer/index.ts";
import { openPostgres, type SqlClient } from "../postgres/index.ts";
import { decodingMapper, openRecordDecoder } from "../schema-registry/index.ts";
import { migratedClickHouse } from "./clickhouse.ts";
import { registryOptions } from "./connections.ts";
import { kafkaLog } from "./kafka.ts";
import { consumerProblems } from "./problems.ts";
import type { Role, RoleContext } from "./role.ts";

/** @throws MappingError for a topic that can never be read */
export async function startConsumeRole(context: RoleContext): Promise<Role> {
  const { pipeline, names, registry, startup, logger, now, onClose } = context;
  const { spec } = pipeline;
  const topics: TopicSpec[] = [
    ...(spec.source.topics ?? []),
    { name: names.eventsTopic, record: "Event" },
    { name: names.entitiesTopic, record: "Entity" },
  ];
  const compiled = new Map(topics.map((topic) => [topic.name, compileMapper(topic, spec)]));
  const mappers = await withRegistry(compiled, context);
  const open = await migratedClickHouse(context);
  const postgres = await openShopDatabase(spec, context);
  const { batch, maxBufferedBytes } = CONSUMER_LIMITS;
  let brokers: Error | null = null;
  const log = await kafkaLog("consumer", context, { maxBufferedBytes }, (error) => {
    brokers = error;
  });
  const clickhouse = await startup.step("Sink", "connecting to ClickHouse", open);
  const metrics = consumerMetrics(registry);
  const consumer = await startup.step("Source", "reading the topics", () =>
    startConsumer({
      ...consumerSettings(spec),
      batch,
      log,
      clickhouse,
      group: names.prefix,
      mappers,
      signalsTopic: names.signalsTopic,
      deadLettersTopic: names.deadLettersTopic,
      attributes: attributeSource(postgres, spec),
      metrics,
      logger,
      now,
    }),
  );
  onClose((deadline) => consumer.close({ deadlineMilliseconds: Math.max(0, deadline - now()) }));
  const catalogue = await startup.step("Role", "reading the catalogue", () =>
    startCatalogue(postgres, spec, open, { logger, now }),
  );
  if (catalogue !== null) onClose(() => catalogue.close());
  const counts = storedCounts(await startup.step("Sink", "connecting to ClickHouse", open), { logger, now });
  storedMetrics(registry, counts);
  const failed = consumer.ended.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  return {
    isAlive: () => isAlive(consumer.liveness(), now()),
    readiness: () => ({ ready: true }),
    status: async () => {
      const status = await consumer.status();
      // What brokers failed with before they answered again says nothing any more.
      if (status.lag !== null && status.cause !== "log") brokers = null;
      const { lag, freshnessMilliseconds } = status;
      const { storedEvents, deadLetters } = counts();
      const source = {
        ...(storedEvents === undefined ? {} : { storedEvents }),
        ...(deadLetters === undefined ? {} : { deadLetters }),
        ...(lag === null ? {} : { lag }),
        ...(freshnessMilliseconds === null ? {} : { freshnessMilliseconds }),
      };
      return { details: { consumer: status }, report: { problems: consumerProblems(status, brokers), source } };
    },
    failed,
  };
}

/** Topics of a schema registry are decoded before they are mapped. */
async function withRegistry(
  mappers: ReadonlyMap<string, RecordMapper>,
  { pipeline, secrets, startup, now }: RoleContext,
): Promise<ReadonlyMap<string, RecordMapper>> {
  const { kafka, topics = [] } = pipeline.spec.source;
  const registry = kafka.schemaRegistry;
  if (registry === undefined) return mappers;
  const options = await startup.step("Role", "reading the secrets of the schema registry", () =>
    registryOptions(registry, secrets),
  );
  const decoder = openRecordDecoder({ ...options, now });
  const encoded = new Set(topics.filter(({ format }) => format === "SchemaRegistry").map(({ name }) => name));
  return new Map(
    [...mappers].map(([topic, mapper]) => [topic, encoded.has(topic) ? decodingMapper(mapper, decoder) : mapper]),
  );
}

async function openShopDatabase(spec: ConsumedSpec, context: RoleContext): Promise<SqlClient | null> {
  const postgres = spec.enrichment?.postgres;
  if (postgres === undefined) return null;
  const { secrets, startup, onClose } = context;
  const { uriSecretKeyRef: uri, caSecretKeyRef: ca } = postgres;
  const connection = await startup.step("Role", "reading the secrets of the shop's database", async () =>
    openPostgres({
      uri: { file: await secrets.present(uri) },
      ...(ca === undefined ? {} : { caCertificate: { file: await secrets.present(ca) } }),
    }),
  );
  onClose(() => connection.close());
  return connection;
}
