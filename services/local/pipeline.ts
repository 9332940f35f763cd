import type { Logger } from "pino";
import { Registry } from "prom-client";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { compileTopic, type RecordMapper, type TopicSpec } from "../activity/index.ts";
import { openEmbeddedLog } from "../activity-log/embedded/index.ts";
import type { ActivityLog, OutgoingRecord, PartitionLag } from "../activity-log/index.ts";
import { type ClickHouse, migrate, openClickHouse } from "../clickhouse/index.ts";
import { namesOf, type PipelineNames } from "../config/index.ts";
import {
  type AttributeSource,
  type CatalogueSync,
  type Consumer,
  type ConsumerMetrics,
  cachedLookup,
  consumerMetrics,
  type PostgresTable,
  startCatalogueSync,
  startConsumer,
  tableLookup,
} from "../consumer/index.ts";
import { consumeTopics } from "./consumed-topics.ts";
import type { DataFolder } from "./data-folder.ts";
import { type EmbeddedPostgres, openEmbeddedPostgres } from "./postgres.ts";

export interface PipelineOptions {
  readonly pipeline: RecommenderPipeline;
  readonly folder: DataFolder;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A pipeline's path from the log into the tables, all inside this process. */
export interface EmbeddedPipeline {
  readonly names: PipelineNames;
  readonly pipeline: RecommenderPipeline;
  readonly registry: Registry;
  readonly log: ActivityLog;
  /** For looking into tables: neither the consumer nor the trainer uses it. */
  readonly clickhouse: ClickHouse;
  readonly postgres: EmbeddedPostgres | null;
  readonly consumer: () => Consumer;
  /** Of `<prefix>.events`. */
  readonly eventsMapper: RecordMapper;
  /** Reads the shop's items table now, where the resource names one. */
  syncCatalogue(): Promise<void>;
  /** What the consumer reads, beside `<prefix>.events`. */
  topics(): readonly TopicSpec[];
  /**
   * Makes the consumer read further topics, now and at every later start. A topic of the resource keeps its mapping.
   *
   * @throws MappingError for a topic that can never work; then nothing has changed
   */
  addTopics(topics: readonly TopicSpec[]): Promise<void>;
  append(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  /** Of every partition that the consumer reads. @throws when the consumer has ended */
  lag(): Promise<readonly PartitionLag[]>;
  /** Rejects when the consumer fails for good; never resolves. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

const BATCH = { maxRecords: 10_000, maxBytes: 16 * 1024 * 1024 };
/** A user or item that the shop's database did not have is asked for again after this. */
const MISS_SECONDS = 5;
const CACHED_ROWS = 200_000;
/** The log is the way in, not the record: what is older than this and stored is not needed again. */
const LOG_RETENTION = { maxBytes: 4 * 1024 ** 3, maxAgeMilliseconds: 7 * 86_400_000 };

/** @throws MappingError, ClickHouseError, EmbeddedLogError */
export async function openPipeline(options: PipelineOptions): Promise<EmbeddedPipeline> {
  const { pipeline, folder, logger, now } = options;
  const { spec } = pipeline;
  const names = namesOf(pipeline);
  const registry = new Registry();
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const step of closing.reverse()) await step();
    closing.length = 0;
  };
  try {
    const log = await openEmbeddedLog({ path: folder.logPath, retention: LOG_RETENTION, now });
    closing.push(() => log.close());
    const open = async () => {
      const clickhouse = await openClickHouse({ kind: "embedded", path: folder.clickHousePath }, names.database);
      closing.push(() => clickhouse.close());
      return clickhouse;
    };
    const clickhouse = await open();
    const { retentionDays } = spec.sink.clickhouse;
    await migrate(
      clickhouse,
      { database: names.database, ...(retentionDays === undefined ? {} : { retentionDays }) },
      now,
    );
    const postgresSpec = spec.enrichment?.postgres;
    const postgres = postgresSpec === undefined ? null : await openEmbeddedPostgres(folder.postgresPath, postgresSpec);
    if (postgres !== null) closing.push(() => postgres.close());

    const compile = (topic: TopicSpec) =>
      compileTopic(topic, { privacy: spec.privacy, attributes: spec.catalog?.attributes ?? [] });
    const ownTopic: TopicSpec = { name: names.eventsTopic, record: "Event" };
    const metrics = consumerMetrics(registry);
    const sink = await open();
    const attributes = attributeSource(postgres, spec);
    const consumed = await consumeTopics({
      ownTopic,
      declared: spec.source.topics ?? [],
      folder,
      compile,
      start: (mappers) =>
        startConsumer(consumerOptions({ pipeline, names, log, sink, mappers, attributes, metrics, logger, now })),
    });
    closing.push(() => consumed.close());

    const catalogue = await startCatalogue(postgres, spec, open, logger, now);
    if (catalogue !== null) closing.push(() => catalogue.close());

    return {
      names,
      pipeline,
      registry,
      log,
      clickhouse,
      postgres,
      eventsMapper: compile(ownTopic),
      async syncCatalogue() {
        await catalogue?.sync();
      },
      consumer: consumed.consumer,
      topics: consumed.topics,
      addTopics: consumed.add,
      lag: consumed.lag,
      failed: consumed.failed,
      append: (topic, records) => log.append(topic, records),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function consumerOptions(parts: {
  readonly pipeline: RecommenderPipeline;
  readonly names: PipelineNames;
  readonly log: ActivityLog;
  readonly sink: ClickHouse;
  readonly mappers: ReadonlyMap<string, RecordMapper>;
  readonly attributes: AttributeSource;
  readonly metrics: ConsumerMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}) {
  const { spec } = parts.pipeline;
  return {
    log: parts.log,
    clickhouse: parts.sink,
    group: parts.names.prefix,
    mappers: parts.mappers,
    startFrom: spec.source.startFrom,
    signalsTopic: parts.names.signalsTopic,
    deadLettersTopic: parts.names.deadLettersTopic,
    attribution: spec.attribution,
    attributes: parts.attributes,
    onEnrichmentFailure: spec.enrichment?.onFailure ?? "Complete",
    batch: BATCH,
    metrics: parts.metrics,
    logger: parts.logger,
    now: parts.now,
  } as const;
}

function attributeSource(postgres: EmbeddedPostgres | null, spec: RecommenderPipeline["spec"]): AttributeSource {
  const tables = spec.enrichment?.postgres;
  if (postgres === null || tables === undefined) return {};
  const lookup = (table: PostgresTable & { readonly refreshSeconds: number }) =>
    cachedLookup(tableLookup(postgres, table), {
      refreshSeconds: table.refreshSeconds,
      missSeconds: MISS_SECONDS,
      maxEntries: CACHED_ROWS,
      now: () => performance.now(),
    });
  return {
    ...(tables.users === undefined ? {} : { users: lookup(tables.users) }),
    ...(tables.items === undefined ? {} : { items: lookup(tables.items) }),
  };
}

async function startCatalogue(
  postgres: EmbeddedPostgres | null,
  spec: RecommenderPipeline["spec"],
  open: () => Promise<ClickHouse>,
  logger: Logger,
  now: () => number,
): Promise<CatalogueSync | null> {
  const table = spec.enrichment?.postgres.items;
  if (postgres === null || table === undefined) return null;
  const clickhouse = await open();
  const attributes = spec.catalog?.attributes ?? [];
  return startCatalogueSync({
    clickhouse,
    postgres,
    table,
    mapper: compileTopic({ name: table.table, record: "Item" }, { privacy: spec.privacy, attributes }),
    listAttributes: attributes.filter(({ type }) => type === "StringList").map(({ name }) => name),
    refreshSeconds: table.refreshSeconds,
    logger,
    now,
  });
}
