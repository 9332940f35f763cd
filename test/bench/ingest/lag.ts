/** How far a consumer group is behind, asked over one connection that stays open. */
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import { correctKafkajs } from "../../../services/kafka/corrections.ts";

const AGAIN_MILLISECONDS = 100;

export interface Lag {
  /** Records of a topic that the group has not committed. */
  of(group: string, topic: string): Promise<number>;
  close(): Promise<void>;
}

export async function openLag(broker: string): Promise<Lag> {
  correctKafkajs();
  const admin = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const once = async (group: string, topic: string) => {
    const [ends, [committed]] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId: group, topics: [topic] }),
    ]);
    return ends.reduce((sum, { partition, high, low }) => {
      const offset = committed?.partitions.find((known) => known.partition === partition)?.offset ?? "-1";
      return sum + Number(high) - Math.max(Number(offset), Number(low));
    }, 0);
  };
  return {
    async of(group, topic) {
      for (;;) {
        try {
          return await once(group, topic);
        } catch (error) {
          // As of a topic that was made a moment ago: NOT_LEADER_FOR_PARTITION.
          if (!(error instanceof kafkajs.KafkaJSError && error.retriable)) throw error;
        }
        await sleep(AGAIN_MILLISECONDS);
      }
    },
    close: () => admin.disconnect(),
  };
}
