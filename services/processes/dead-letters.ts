/** Dead letters of a pipeline on a cluster: out of ClickHouse or the topic, and back into the topics that they came from. */
import {
  countDeadLetters,
  type DeadLetter,
  type DeadLetterCount,
  type DeadLetterFilter,
  type DeadLetterWithValue,
  listDeadLetters,
  openClickHouse,
  showDeadLetter,
} from "../clickhouse/index.ts";
import { namesOf } from "../config/index.ts";
import { type ReplayedFromTopic, replayDeadLetters, replayFromTopic } from "../consumer/index.ts";
import { openKafkaLog } from "../kafka/index.ts";
import { clickhouseTarget, kafkaOptions } from "./connections.ts";
import type { JobOptions } from "./jobs.ts";
import { mountedSecrets } from "./secrets.ts";

export interface DeadLetters {
  /** The newest first. */
  list(
    filter: DeadLetterFilter,
    limit: number,
  ): Promise<{ readonly counts: readonly DeadLetterCount[]; readonly deadLetters: readonly DeadLetter[] }>;
  show(id: string): Promise<DeadLetterWithValue | undefined>;
  /** `topic`: also while ClickHouse is away, or has lost its data. */
  replay(filter: DeadLetterFilter, from: "clickhouse" | "topic"): Promise<ReplayedFromTopic>;
}

/** @throws SecretMissingError, ClickHouseError, KafkaLogError */
export async function withDeadLetters<Result>(
  { pipeline, secretsFolder, logger }: JobOptions,
  work: (letters: DeadLetters) => Promise<Result>,
): Promise<Result> {
  const names = namesOf(pipeline);
  const secrets = mountedSecrets(secretsFolder);
  const { clickhouse: sink } = pipeline.spec.sink;
  const { kafka } = pipeline.spec.source;
  const clickhouse = await openClickHouse(await clickhouseTarget(sink, sink.credentials, secrets), names.database);
  const onEvent = (event: object) => logger.debug(event, "kafka");
  const log = openKafkaLog(await kafkaOptions(kafka, secrets, { clientId: `${names.prefix}.dead-letters`, onEvent }));
  try {
    return await work({
      async list(filter, limit) {
        const counts = await countDeadLetters(clickhouse);
        return { counts, deadLetters: await listDeadLetters(clickhouse, filter, { limit, offset: 0 }) };
      },
      show: (id) => showDeadLetter(clickhouse, id),
      async replay(filter, from) {
        if (from === "topic") return replayFromTopic(log, names.deadLettersTopic, filter);
        return { sent: await replayDeadLetters(clickhouse, log, filter), withoutValue: 0 };
      },
    });
  } finally {
    await log.close();
    await clickhouse.close();
  }
}
