/** Roles that end by themselves: `productmatcher migrate` and `productmatcher train`. */
import type { Logger } from "pino";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { createDatabase, type Layout, migrate, openClickHouse } from "../clickhouse/index.ts";
import { namesOf } from "../config/index.ts";
import { ensureTopics, openKafkaLog, ownTopics } from "../kafka/index.ts";
import { type TrainingResult, train } from "../trainer/index.ts";
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
  /** Versions of the schema that this run applied. */
  readonly applied: readonly number[];
  /** Those that were absent, and are made now. */
  readonly topics: readonly string[];
}

/**
 * Makes the pipeline's database, tables and topics what this release needs. Nothing is done twice, and nothing that is
 * there is taken away.
 *
 * @throws SecretMissingError, ClickHouseError, SchemaVersionError, KafkaLogError
 */
export async function runMigration({ pipeline, secretsFolder, logger, now }: JobOptions): Promise<Migrated> {
  const names = namesOf(pipeline);
  const secrets = mountedSecrets(secretsFolder);
  const { clickhouse: sink } = pipeline.spec.sink;
  const target = await clickhouseTarget(sink, sink.admin ?? sink.credentials, secrets);
  await createDatabase(target, names.database, sink.cluster);
  const clickhouse = await openClickHouse(target, names.database);
  let applied: readonly number[];
  try {
    applied = await migrate(clickhouse, layoutOf(pipeline), now);
  } finally {
    await clickhouse.close();
  }
  const { kafka } = pipeline.spec.source;
  const onEvent = (event: object) => logger.debug(event, "kafka");
  const log = openKafkaLog(await kafkaOptions(kafka, secrets, { clientId: `${names.prefix}.migrate`, onEvent }));
  try {
    const topics = await ensureTopics(log, ownTopics(names, kafka.topicDefaults));
    return { database: names.database, applied, topics };
  } finally {
    await log.close();
  }
}

/** One training run. @throws SecretMissingError, ClickHouseError */
export async function runTraining({ pipeline, secretsFolder, logger, now }: JobOptions): Promise<TrainingResult> {
  const { sink, training } = pipeline.spec;
  const { clickhouse: server } = sink;
  const target = await clickhouseTarget(server, server.credentials, mountedSecrets(secretsFolder));
  const clickhouse = await openClickHouse(target, namesOf(pipeline).database);
  try {
    return await train(clickhouse, training, { now, log: logger, layout: layoutOf(pipeline) });
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
