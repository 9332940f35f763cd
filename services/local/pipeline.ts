import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { RecommenderPipeline } from "../../crds/index.ts";
import type { TopicSpec } from "../activity/index.ts";
import { openEmbeddedLog } from "../activity-log/embedded/index.ts";
import type { ActivityLog, OutgoingRecord, PartitionLag } from "../activity-log/index.ts";
import {
  type ClickHouse,
  migrate,
  openClickHouse,
  statementMetrics,
  storedCounts,
  storedMetrics,
} from "../clickhouse/index.ts";
import { namesOf, type PipelineNames } from "../config/index.ts";
import {
  attributeSource,
  type Consumer,
  compileMapper,
  consumerMetrics,
  consumerSettings,
  startCatalogue,
  startConsumer,
} from "../consumer/index.ts";
import { objectiveGauge, processRegistry } from "../telemetry/index.ts";
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
  /** Reads the shop's items table now, where the resource names one. */
  syncCatalogue(): Promise<void>;
  /** What the consumer reads, beside the pipeline's own topics. */
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

/** The log is the way in, not the record: what is older than this and stored is not needed again. */
const LOG_RETENTION = { maxBytes: 4 * 1024 ** 3, maxAgeMilliseconds: 7 * 86_400_000 };

/** @throws MappingError, ClickHouseError, EmbeddedLogError */
export async function openPipeline(options: PipelineOptions): Promise<EmbeddedPipeline> {
  const { pipeline, folder, logger, now } = options;
  const { spec } = pipeline;
  const names = namesOf(pipeline);
  const registry = processRegistry({ role: "local", pipeline: pipeline.metadata });
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const step of closing.reverse()) await step();
    closing.length = 0;
  };
  try {
    const log = await openEmbeddedLog({ path: folder.logPath, retention: LOG_RETENTION, now });
    closing.push(() => log.close());
    const open = async () => {
      const target = { kind: "embedded", path: folder.clickHousePath } as const;
      const clickhouse = await openClickHouse(target, names.database, { observe: statementMetrics(registry) });
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

    const compile = (topic: TopicSpec) => compileMapper(topic, spec);
    const ownTopics: readonly TopicSpec[] = [
      { name: names.eventsTopic, record: "Event" },
      { name: names.entitiesTopic, record: "Entity" },
    ];
    storedMetrics(registry, storedCounts(clickhouse, { logger, now }));
    const objective = objectiveGauge(registry);
    for (const [name, value] of Object.entries(spec.objectives)) objective.set({ objective: name }, value);
    const metrics = consumerMetrics(registry);
    const sink = await open();
    const attributes = attributeSource(postgres, spec);
    const consumed = await consumeTopics({
      ownTopics,
      declared: spec.source.topics ?? [],
      folder,
      compile,
      start: (mappers) =>
        startConsumer({
          ...consumerSettings(spec),
          log,
          clickhouse: sink,
          group: names.prefix,
          mappers,
          signalsTopic: names.signalsTopic,
          deadLettersTopic: names.deadLettersTopic,
          attributes,
          metrics,
          logger,
          now,
        }),
    });
    closing.push(() => consumed.close());

    const catalogue = await startCatalogue(postgres, spec, open, { logger, now });
    if (catalogue !== null) closing.push(() => catalogue.close());

    return {
      names,
      pipeline,
      registry,
      log,
      clickhouse,
      postgres,
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
