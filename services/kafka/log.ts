/**
 * The activity log on a Kafka cluster.
 */
import { randomUUID } from "node:crypto";
import type { ActivityLog, OutgoingRecord, SubscribeOptions } from "../activity-log/index.ts";
import { sending } from "../activity-log/tracing.ts";
import { KafkaAdmin } from "./admin.ts";
import { KafkaLogError } from "./errors.ts";
import { type CompiledOptions, compileOptions, type KafkaLogOptions, type TopicDefaults } from "./options.ts";
import { BatchingProducer } from "./producer.ts";
import { KafkaSubscription } from "./subscription.ts";

export interface KafkaLog extends ActivityLog {
  subscribe(options: SubscribeOptions): Promise<KafkaSubscription>;
  /**
   * Makes a topic unless it is there.
   *
   * @param config further settings of the topic, as `{ "cleanup.policy": "compact" }`
   * @returns whether it was made
   */
  createTopic(topic: string, defaults: TopicDefaults, config?: Readonly<Record<string, string>>): Promise<boolean>;
  /** Removes topics with all that is in them. @returns those that were there */
  deleteTopics(topics: readonly string[]): Promise<string[]>;
  /** Removes a group without members, and what it committed; one that is not there is as good. */
  deleteGroup(group: string): Promise<void>;
}

/**
 * Nothing is connected yet: the first append, subscription or question does that.
 *
 * An append is acknowledged by all in-sync replicas. One that fails with `append_unconfirmed` may be stored all the same,
 * in whole or in part: append it again, readers absorb repeats by the events' own ids.
 *
 * @throws KafkaLogError `invalid_options`
 */
export function openKafkaLog(options: KafkaLogOptions): KafkaLog {
  return new BrokerLog(compileOptions(options));
}

class BrokerLog implements KafkaLog {
  readonly system = "kafka";
  readonly #options: CompiledOptions;
  readonly #closing = new AbortController();
  readonly #admin: KafkaAdmin;
  readonly #producer: BatchingProducer;
  readonly #subscriptions = new Set<KafkaSubscription>();
  readonly #underWay = new Set<Promise<void>>();
  #closed: Promise<void> | null = null;

  constructor(options: CompiledOptions) {
    this.#options = options;
    this.#admin = new KafkaAdmin(options, this.#closing.signal);
    this.#producer = new BatchingProducer(options, this.#admin, this.#closing.signal);
  }

  async append(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    this.#checkOpen();
    const appended = sending(this.system, topic, records, (traced) => this.#producer.append(topic, traced));
    this.#underWay.add(appended);
    await appended.finally(() => this.#underWay.delete(appended));
  }

  async subscribe(subscribe: SubscribeOptions): Promise<KafkaSubscription> {
    this.#checkOpen();
    const { group } = subscribe;
    const subscription = new KafkaSubscription({
      options: this.#options,
      admin: this.#admin,
      group,
      memberGroup: group ?? `${this.#options.clientId}.tail.${randomUUID()}`,
      subscribe: { ...subscribe, topics: [...new Set(subscribe.topics)] },
      onClose: (closed) => this.#subscriptions.delete(closed),
    });
    this.#subscriptions.add(subscription);
    try {
      await subscription.open();
    } catch (error) {
      await subscription.close();
      throw error;
    }
    return subscription;
  }

  async createTopic(topic: string, defaults: TopicDefaults, config?: Readonly<Record<string, string>>) {
    this.#checkOpen();
    return this.#admin.createTopic(topic, defaults, config);
  }

  async deleteTopics(topics: readonly string[]) {
    this.#checkOpen();
    return this.#admin.deleteTopics(topics);
  }

  async deleteGroup(group: string) {
    this.#checkOpen();
    await this.#admin.deleteGroup(group);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    await Promise.allSettled(this.#underWay);
    await this.#producer.close();
    this.#closing.abort(closed());
    await this.#admin.close();
  }

  #checkOpen(): void {
    if (this.#closed !== null) throw closed();
  }
}

function closed(): KafkaLogError {
  return new KafkaLogError("closed", "the activity log is closed: open it again to append or subscribe");
}
