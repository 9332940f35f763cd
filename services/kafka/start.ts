/**
 * Where the partitions of a subscription begin: where the group has committed, else where the subscriber asked.
 */
import type { SubscribeOptions } from "../activity-log/index.ts";
import type { KafkaAdmin, PartitionEnds } from "./admin.ts";
import type { CompiledOptions } from "./options.ts";
import { keyOf, type Tenure, type TopicPartition } from "./tenures.ts";

export interface Start {
  readonly tenure: Tenure;
  readonly offset: number;
  /** Whether the group had committed it. */
  readonly committed: boolean;
  /** Offset of the oldest record present. */
  readonly low: number;
}

export interface StartParts {
  readonly options: CompiledOptions;
  readonly admin: KafkaAdmin;
  /** `null` for a tail. */
  readonly group: string | null;
  readonly subscribe: SubscribeOptions;
}

export class StartPositions {
  readonly #parts: StartParts;
  /** Of the partitions that were there when it subscribed. */
  readonly #asked = new Map<string, number>();

  constructor(parts: StartParts) {
    this.#parts = parts;
  }

  /** Fixes what "latest" or a time means: at this moment, not when a partition happens to be assigned. */
  async lookUp(): Promise<void> {
    const { admin, subscribe } = this.#parts;
    const { startFrom } = subscribe;
    for (const topic of subscribe.topics) {
      await admin.partitions(topic);
      if (typeof startFrom === "number") {
        const found = await admin.offsetsAt(topic, startFrom);
        for (const [partition, offset] of found) this.#asked.set(keyOf({ topic, partition }), offset);
        continue;
      }
      for (const { partition, low, high } of await admin.ends(topic)) {
        this.#asked.set(keyOf({ topic, partition }), startFrom === "Earliest" ? low : high);
      }
    }
  }

  whenNothingCommitted(at: TopicPartition): number | undefined {
    return this.#asked.get(keyOf(at));
  }

  /** @throws KafkaLogError when it is not answered in time; Error when a broker does not know a partition yet */
  async find(begun: readonly Tenure[]): Promise<Start[]> {
    const { admin, group, options } = this.#parts;
    const topics = [...new Set(begun.map(({ topic }) => topic))];
    const committed = group === null || topics.length === 0 ? null : await admin.committed(group, topics);
    const ends = new Map<string, PartitionEnds>();
    for (const topic of topics) {
      for (const end of await admin.ends(topic)) ends.set(keyOf({ topic, partition: end.partition }), end);
    }
    return begun.map((tenure) => {
      const { topic, partition } = tenure;
      const end = ends.get(keyOf(tenure));
      if (end === undefined) throw new Error(`${topic}/${partition} is not known to every broker yet`);
      const known = committed?.get(topic)?.get(partition);
      // A partition that was added later is read from its first record, whatever the others began with.
      const wanted = known ?? this.#asked.get(keyOf(tenure)) ?? end.low;
      const beyond = wanted > end.high;
      if (beyond) options.onEvent({ kind: "position_beyond_end", topic, partition });
      return { tenure, offset: beyond ? end.low : wanted, committed: known !== undefined, low: end.low };
    });
  }
}
