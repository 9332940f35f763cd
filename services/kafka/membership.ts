/**
 * One kafkajs consumer, from joining the group to leaving it, as a stream of facts: assigned, received, ended. It only
 * tells; what to do with it is decided by the subscription, which starts another one when this one ends.
 *
 * The consumer fetches for itself and its handler returns at once, so heartbeats go on whatever the poller does.
 */
import kafkajs, { type Batch, type Consumer, type EachBatchPayload, type PartitionAssigner } from "kafkajs";
import type { Position } from "../activity-log/index.ts";
import { openClient } from "./connection.ts";
import type { CompiledOptions } from "./options.ts";
import type { TopicPartition } from "./tenures.ts";

const { KafkaJSNonRetriableError } = kafkajs;

/** Most bytes of one answer, and of one partition in it, as they are stored, so before decompression. */
const FETCH_BYTES = 1024 * 1024;
const FETCH_BYTES_PER_PARTITION = 128 * 1024;
/** Members answer a rebalance at once here, so one that does not is gone. */
const REBALANCE_TIMEOUT_MILLISECONDS = 15_000;
const HEARTBEATS_PER_SESSION = 10;
const MOST_MILLISECONDS_BETWEEN_HEARTBEATS = 3_000;
/** After that its connections are cut, and its session runs out at the broker. */
const LEAVE_TIMEOUT_MILLISECONDS = 5_000;

export interface Fetched extends TopicPartition {
  /** Where the broker was asked to begin. */
  readonly fetchedOffset: number;
  readonly lastOffset: number;
  readonly messages: Batch["messages"];
}

export interface MembershipListener {
  /** The group is being shared out anew: until `assigned`, nobody knows who holds what. */
  rejoining(): void;
  assigned(memberId: string, partitions: readonly TopicPartition[]): void;
  /** @returns whether it was taken; what was not is fetched again */
  received(fetched: Fetched): boolean;
  /** The loop goes round. */
  tick(): void;
  /** For good, and not because of `leave`. */
  ended(error: Error): void;
}

export class Membership {
  readonly #consumer: Consumer;
  readonly #cutOff: () => void;
  readonly #listener: MembershipListener;
  #left = false;

  constructor(options: CompiledOptions, group: string, listener: MembershipListener) {
    const { sessionTimeoutMilliseconds, fetchWaitMilliseconds, metadataMaxAgeMilliseconds } = options;
    const client = openClient(options);
    this.#cutOff = client.cutOff;
    this.#listener = listener;
    this.#consumer = client.kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMilliseconds,
      rebalanceTimeout: REBALANCE_TIMEOUT_MILLISECONDS,
      heartbeatInterval: Math.min(
        MOST_MILLISECONDS_BETWEEN_HEARTBEATS,
        Math.ceil(sessionTimeoutMilliseconds / HEARTBEATS_PER_SESSION),
      ),
      metadataMaxAge: metadataMaxAgeMilliseconds,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: fetchWaitMilliseconds,
      maxBytes: FETCH_BYTES,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      partitionAssigners: [this.#announcingAssigner()],
      retry: { restartOnFailure: async () => false },
    });
  }

  /** @throws the failure of connecting; what fails later is told by `ended` */
  async join(topics: readonly string[]): Promise<void> {
    const consumer = this.#consumer;
    const listener = this.#listener;
    consumer.on(consumer.events.FETCH_START, () => listener.tick());
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
      if (this.#left) return;
      const partitions = Object.entries(memberAssignment).flatMap(([topic, numbers]) =>
        numbers.map((partition) => ({ topic, partition })),
      );
      listener.assigned(memberId, partitions);
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      if (this.#left) return;
      this.#left = true;
      this.#cutOff();
      listener.ended(error);
    });
    try {
      await consumer.connect();
      // From the beginning: of a position that has expired kafkajs would else skip all records there are.
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => this.#receive(payload),
      });
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  pause({ topic, partition }: TopicPartition): void {
    this.#whileMember(() => this.#consumer.pause([{ topic, partitions: [partition] }]));
  }

  resume({ topic, partition }: TopicPartition): void {
    this.#whileMember(() => this.#consumer.resume([{ topic, partitions: [partition] }]));
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    this.#whileMember(() => this.#consumer.seek({ topic, partition, offset: `${offset}` }));
  }

  /** One attempt, under the generation of this moment: the broker refuses it if the group has moved on. */
  async commit(positions: readonly Position[]): Promise<void> {
    await this.#consumer.commitOffsets(
      positions.map(({ topic, partition, offset }) => ({ topic, partition, offset: `${offset}` })),
    );
  }

  async leave(): Promise<void> {
    this.#left = true;
    const waited = Promise.withResolvers<void>();
    const timer = setTimeout(waited.resolve, LEAVE_TIMEOUT_MILLISECONDS);
    await Promise.race([this.#consumer.disconnect().catch(() => {}), waited.promise]);
    clearTimeout(timer);
    this.#cutOff();
  }

  /** Before it is a member and after it has ended, kafkajs refuses all of these, and there is nothing to be done then. */
  #whileMember(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof KafkaJSNonRetriableError)) throw error;
    }
  }

  #receive({ batch, resolveOffset }: EachBatchPayload): void {
    if (this.#left) return;
    const lastOffset = batch.lastOffset();
    const taken = this.#listener.received({
      topic: batch.topic,
      partition: batch.partition,
      fetchedOffset: Number((batch as Batch & { readonly fetchedOffset: string }).fetchedOffset),
      lastOffset: Number(lastOffset),
      messages: batch.messages,
    });
    if (taken) resolveOffset(lastOffset);
  }

  /** kafkajs says when a rebalance is over, but not when it begins: the moment it asks how to share out. */
  #announcingAssigner(): PartitionAssigner {
    const rejoining = () => {
      if (!this.#left) this.#listener.rejoining();
    };
    return (config) => {
      const inner = kafkajs.PartitionAssigners.roundRobin(config);
      return {
        name: inner.name,
        version: inner.version,
        assign: (group) => inner.assign(group),
        protocol(subscription) {
          rejoining();
          return inner.protocol(subscription);
        },
      };
    };
  }
}
