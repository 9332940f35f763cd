/**
 * What is asked of the cluster beside records: topics, ends of partitions, offsets of groups.
 */
import kafkajs, { type Admin, type PartitionMetadata } from "kafkajs";
import { type Client, openClient } from "./connection.ts";
import { type KafkaErrorPlace, KafkaLogError, kafkaLogError } from "./errors.ts";
import type { CompiledOptions, TopicDefaults } from "./options.ts";
import { persist } from "./patience.ts";

const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const KEPT_FOR_EVER = -1;
const NONE_COMMITTED = -1;

/** `low`: the oldest record present; `high`: one past the last. */
export interface PartitionEnds {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

export class KafkaAdmin {
  readonly #options: CompiledOptions;
  readonly #closing: AbortSignal;
  #connected: Promise<{ client: Client; admin: Admin }> | null = null;
  readonly #topics = new Map<string, { at: number; partitions: Promise<readonly PartitionMetadata[]> }>();

  constructor(options: CompiledOptions, closing: AbortSignal) {
    this.#options = options;
    this.#closing = closing;
  }

  /**
   * The partitions of a topic; it is made if it is absent and `topicDefaults` say how. Remembered for the metadata's
   * age.
   *
   * @throws KafkaLogError `topic_missing`
   */
  partitions(topic: string): Promise<readonly PartitionMetadata[]> {
    const { metadataMaxAgeMilliseconds, now } = this.#options;
    const known = this.#topics.get(topic);
    if (known !== undefined && now() < known.at + metadataMaxAgeMilliseconds) return known.partitions;
    const partitions = this.#findOrMake(topic);
    this.#topics.set(topic, { at: now(), partitions });
    partitions.catch(() => this.#topics.delete(topic));
    return partitions;
  }

  /** Makes a topic; nothing happens when it is there already. @returns whether it was made */
  async createTopic(
    topic: string,
    defaults: TopicDefaults,
    config: Readonly<Record<string, string>> = {},
  ): Promise<boolean> {
    const { partitions, replicationFactor, retentionMilliseconds, maxRecordBytes } = defaults;
    const entries = {
      "retention.ms": `${retentionMilliseconds ?? KEPT_FOR_EVER}`,
      "max.message.bytes": `${maxRecordBytes ?? MAX_RECORD_BYTES}`,
      ...config,
    };
    const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }));
    const made = await this.#ask(`making topic ${topic}`, { topic }, async (admin) => {
      // Looked for first: whoever may not make topics may use those that others made.
      if ((await this.#find(admin, topic)) !== null) return false;
      return admin.createTopics({
        topics: [{ topic, numPartitions: partitions, replicationFactor, configEntries }],
        waitForLeaders: true,
      });
    });
    this.#topics.delete(topic);
    return made;
  }

  async ends(topic: string): Promise<PartitionEnds[]> {
    const ends = await this.#ask(`reading the ends of topic ${topic}`, { topic }, (admin) =>
      withLeaders(admin.fetchTopicOffsets(topic)),
    );
    return ends.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
  }

  /** Per partition the first record that is not older, or the end. */
  async offsetsAt(topic: string, timestamp: number): Promise<Map<number, number>> {
    const found = await this.#ask(`looking up a time in topic ${topic}`, { topic }, (admin) =>
      withLeaders(admin.fetchTopicOffsetsByTimestamp(topic, timestamp)),
    );
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** @returns committed offsets by topic and partition; absent where nothing was committed */
  async committed(group: string, topics: readonly string[]): Promise<Map<string, Map<number, number>>> {
    const found = await this.#ask(`reading the offsets of group ${group}`, { group }, (admin) =>
      admin.fetchOffsets({ groupId: group, topics: [...topics] }),
    );
    return new Map(
      found.map(({ topic, partitions }) => [
        topic,
        new Map(
          partitions
            .map(({ partition, offset }) => [partition, Number(offset)] as const)
            .filter(([, offset]) => offset > NONE_COMMITTED),
        ),
      ]),
    );
  }

  /** One attempt: a group that stays behind is removed by the brokers, since nothing was committed under it. */
  async forgetGroup(group: string): Promise<void> {
    const { admin } = await this.#connect();
    await admin.deleteGroups([group]);
  }

  /** Topics that are not there are passed over. @returns those that were removed */
  async deleteTopics(topics: readonly string[]): Promise<string[]> {
    const removed = await this.#ask(`removing topics ${topics.join(", ")}`, {}, async (admin) => {
      const present = new Set(await admin.listTopics());
      const found = topics.filter((topic) => present.has(topic));
      if (found.length > 0) await admin.deleteTopics({ topics: found });
      return found;
    });
    for (const topic of removed) this.#topics.delete(topic);
    return removed;
  }

  /** A group that is not there is as good. */
  async deleteGroup(group: string): Promise<void> {
    await this.#ask(`removing group ${group}`, { group }, async (admin) => {
      const { groups } = await admin.listGroups();
      if (groups.some(({ groupId }) => groupId === group)) await admin.deleteGroups([group]);
    });
  }

  async close(): Promise<void> {
    await this.#disconnect(this.#connected);
  }

  async #findOrMake(topic: string): Promise<readonly PartitionMetadata[]> {
    const { topicDefaults, requestTimeoutMilliseconds } = this.#options;
    const find = () => this.#ask(`looking for topic ${topic}`, { topic }, (admin) => this.#find(admin, topic));
    const found = await find();
    if (found !== null) return found;
    if (topicDefaults === undefined) {
      throw kafkaLogError(`looking for topic ${topic}`, missing(topic), { topic });
    }
    await this.createTopic(topic, topicDefaults);
    // Brokers learn of a new topic one after the other.
    return persist(
      this.#options,
      {
        doing: `looking for the new topic ${topic}`,
        place: { topic },
        milliseconds: requestTimeoutMilliseconds,
        signal: this.#closing,
      },
      async () => {
        const partitions = await find();
        if (partitions === null) throw missing(topic);
        return partitions;
      },
    );
  }

  async #find(admin: Admin, topic: string): Promise<readonly PartitionMetadata[] | null> {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics.find(({ name }) => name === topic)?.partitions ?? null;
    } catch (error) {
      if (error instanceof kafkajs.KafkaJSProtocolError && error.type === "UNKNOWN_TOPIC_OR_PARTITION") return null;
      throw error;
    }
  }

  /** Asks until it is answered; after a failure over a new connection, since kafkajs may hold on to a dead one. */
  #ask<Result>(doing: string, place: KafkaErrorPlace, question: (admin: Admin) => Promise<Result>): Promise<Result> {
    return persist(
      this.#options,
      { doing, place, milliseconds: this.#options.requestTimeoutMilliseconds, signal: this.#closing },
      async () => {
        const connected = this.#connect();
        try {
          return await question((await connected).admin);
        } catch (error) {
          if (this.#connected === connected) {
            this.#connected = null;
            void this.#disconnect(connected);
          }
          // Disconnected meanwhile for another question's failure, kafkajs stumbles over what it has no more: that passes.
          throw error instanceof TypeError ? kafkaLogError(doing, error, place) : error;
        }
      },
    );
  }

  #connect(): Promise<{ client: Client; admin: Admin }> {
    if (this.#connected === null) {
      const client = openClient(this.#options);
      const admin = client.kafka.admin();
      this.#connected = admin.connect().then(() => ({ client, admin }));
      this.#connected.catch(() => client.cutOff());
    }
    return this.#connected;
  }

  async #disconnect(connected: Promise<{ client: Client; admin: Admin }> | null): Promise<void> {
    const parts = await connected?.catch(() => null);
    if (parts === null || parts === undefined) return;
    await parts.admin.disconnect().catch(() => {});
    parts.client.cutOff();
  }
}

function missing(topic: string): KafkaLogError {
  return new KafkaLogError("topic_missing", `topic ${topic} does not exist: create it, or give topicDefaults`, {
    topic,
  });
}

/** While a topic has no leaders (just made, a broker just back) kafkajs trips over its own empty answer: that passes. */
function withLeaders<Result>(asked: Promise<Result>): Promise<Result> {
  return asked.catch((error: unknown) => {
    throw error instanceof TypeError ? new Error("the topic has no leaders yet", { cause: error }) : error;
  });
}
