/**
 * The topics that a pipeline has for itself, and making them.
 */
import type { PipelineNames } from "../config/index.ts";
import type { KafkaLog } from "./log.ts";
import type { TopicDefaults } from "./options.ts";

export interface OwnTopic {
  readonly name: string;
  readonly defaults: TopicDefaults;
  /** Settings of the topic beyond those. */
  readonly config: Readonly<Record<string, string>>;
}

/** `spec.source.kafka.topicDefaults`. */
export interface OwnTopicDefaults {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly retentionHours: number;
}

const HOUR = 3_600_000;
/** Eight records of the largest kind that is read, and no more than the managed services allow. */
const MAX_RECORD_BYTES = 8 * 1024 * 1024;

/**
 * `<prefix>.events`, `.entities`, `.signals` and `.dead-letters`. Entities are kept for ever, the last of each key. The
 * others are kept for the retention, counted from when a record arrived: by the records' own times, old activity that is
 * sent again would be deleted soon after it came.
 */
export function ownTopics(names: PipelineNames, defaults: OwnTopicDefaults): OwnTopic[] {
  const { partitions, replicationFactor, retentionHours } = defaults;
  const sizes = { partitions, replicationFactor, maxRecordBytes: MAX_RECORD_BYTES };
  const kept = [names.eventsTopic, names.signalsTopic, names.deadLettersTopic].map((name) => ({
    name,
    defaults: { ...sizes, retentionMilliseconds: retentionHours * HOUR },
    config: { "message.timestamp.type": "LogAppendTime" },
  }));
  return [...kept, { name: names.entitiesTopic, defaults: sizes, config: { "cleanup.policy": "compact" } }];
}

/**
 * Makes those that are absent; one that is there stays as it is.
 *
 * @returns names of those that were made
 * @throws KafkaLogError
 */
export async function ensureTopics(
  log: Pick<KafkaLog, "createTopic">,
  topics: readonly OwnTopic[],
): Promise<readonly string[]> {
  const made: string[] = [];
  for (const { name, defaults, config } of topics) {
    if (await log.createTopic(name, defaults, config)) made.push(name);
  }
  return made;
}
