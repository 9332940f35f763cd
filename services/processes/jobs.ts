/** Roles that end by themselves: `productmatcher migrate`, `train` and `cleanup`. */
import type { Logger } from "pino";
import type { RecommenderPipeline } from "../../crds/index.ts";
import {
  type ClickHouse,
  claimDatabase,
  createDatabase,
  type DatabaseOwner,
  dropDatabase,
  type Layout,
  migrate,
  openClickHouse,
  SCHEMA_VERSION,
} from "../clickhouse/index.ts";
import { namesOf } from "../config/index.ts";
import { ensureTopics, type KafkaLog, openKafkaLog, ownTopics } from "../kafka/index.ts";
import { STATEMENT_BYTES, type TrainingResult, train } from "../trainer/index.ts";
import { clickhouseTarget, kafkaOptions } from "./connections.ts";
import { mountedSecrets } from "./secrets.ts";

export interface JobOptions {
  readonly pipeline: RecommenderPipeline;
  /** Where Secrets are mounted: `<folder>/<secret>/<key>`. */
  readonly secretsFolder: string;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface Migrated {
  readonly database: string;
  /** That the database has now. */
  readonly schemaVersion: number;
  /** Versions of the schema that this run applied. */
  readonly applied: readonly number[];
  /** Those that were absent, and are made now. */
  readonly topics: readonly string[];
}

/**
 * Makes the pipeline's database, tables and topics what this release needs. Nothing is done twice, and nothing that is
 * there is taken away.
 *
 * @throws SecretMissingError, DatabaseTakenError, ClickHouseError, SchemaVersionError, KafkaLogError
 */
export async function runMigration(options: JobOptions): Promise<Migrated> {
  const { pipeline, now } = options;
  const names = namesOf(pipeline);
  const applied = await asAdministrator(options, async (clickhouse) => {
    const { adopt } = pipeline.spec.sink.clickhouse;
    await claimDatabase(clickhouse, layoutOf(pipeline), ownerOf(pipeline), { adopt });
    return migrate(clickhouse, layoutOf(pipeline), now);
  });
  const topics = await withKafka(options, "migrate", (log) =>
    ensureTopics(log, ownTopics(names, pipeline.spec.source.kafka.topicDefaults)),
  );
  return { database: names.database, schemaVersion: SCHEMA_VERSION, applied, topics };
}

export interface CleanedUp {
  readonly database: string;
  /** Tables of somebody else, because of which the database stays. */
  readonly foreignTables: readonly string[];
  /** That were there, and are removed. */
  readonly topics: readonly string[];
}

/**
 * Removes all that the pipeline has outside of Kubernetes: its tables, and the database where nothing else is in it, its
 * topics and its consumer group. What is gone already is as good.
 *
 * @throws SecretMissingError, DatabaseTakenError, ClickHouseError, KafkaLogError
 */
export async function runCleanup(options: JobOptions): Promise<CleanedUp> {
  const { pipeline } = options;
  const names = namesOf(pipeline);
  const own = ownTopics(names, pipeline.spec.source.kafka.topicDefaults);
  const foreignTables = await asAdministrator(options, (clickhouse) =>
    dropDatabase(clickhouse, layoutOf(pipeline), ownerOf(pipeline)),
  );
  const topics = await withKafka(options, "cleanup", async (log) => {
    await log.deleteGroup(names.prefix);
    return log.deleteTopics(own.map(({ name }) => name));
  });
  return { database: names.database, foreignTables, topics };
}

/** In the pipeline's database, which is made where it is absent. */
async function asAdministrator<Result>(
  { pipeline, secretsFolder }: JobOptions,
  work: (clickhouse: ClickHouse) => Promise<Result>,
): Promise<Result> {
  const { database } = namesOf(pipeline);
  const { clickhouse: sink } = pipeline.spec.sink;
  const target = await clickhouseTarget(sink, sink.admin ?? sink.credentials, mountedSecrets(secretsFolder));
  await createDatabase(target, database, sink.cluster);
  const clickhouse = await openClickHouse(target, database);
  try {
    return await work(clickhouse);
  } finally {
    await clickhouse.close();
  }
}

async function withKafka<Result>(
  { pipeline, secretsFolder, logger }: JobOptions,
  job: string,
  work: (log: KafkaLog) => Promise<Result>,
): Promise<Result> {
  const onEvent = (event: object) => logger.debug(event, "kafka");
  const more = { clientId: `${namesOf(pipeline).prefix}.${job}`, onEvent };
  const options = await kafkaOptions(pipeline.spec.source.kafka, mountedSecrets(secretsFolder), more);
  const log = openKafkaLog(options);
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

function ownerOf(pipeline: RecommenderPipeline): DatabaseOwner {
  return { pipeline: namesOf(pipeline).key, uid: pipeline.metadata.uid ?? "" };
}

/** One training run. @throws SecretMissingError, ClickHouseError */
export async function runTraining({ pipeline, secretsFolder, logger, now }: JobOptions): Promise<TrainingResult> {
  const { sink, training, serving, objectives } = pipeline.spec;
  const { clickhouse: server } = sink;
  const target = await clickhouseTarget(server, server.credentials, mountedSecrets(secretsFolder));
  const limits = { statementBytes: STATEMENT_BYTES };
  const clickhouse = await openClickHouse(target, namesOf(pipeline).database, limits);
  try {
    const pinnedVersion = serving.model?.pinnedVersion;
    return await train(clickhouse, training, {
      now,
      log: logger,
      layout: layoutOf(pipeline),
      ...(pinnedVersion === undefined ? {} : { pinnedVersion }),
      maxRankMilliseconds: objectives.latencyMilliseconds,
    });
  } finally {
    await clickhouse.close();
  }
}

function layoutOf(pipeline: RecommenderPipeline): Layout {
  const { cluster, retentionDays } = pipeline.spec.sink.clickhouse;
  return {
    database: namesOf(pipeline).database,
    ...(cluster === undefined ? {} : { cluster }),
    ...(retentionDays === undefined ? {} : { retentionDays }),
  };
}
