/** How far a consumer group is behind, asked over one connection that stays open. */
import kafkajs from "kafkajs";

export interface Lag {
  /** Records of a topic that the group has not committed. */
  of(group: string, topic: string): Promise<number>;
  close(): Promise<void>;
}

export async function openLag(broker: string): Promise<Lag> {
  const admin = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  return {
    async of(group, topic) {
      const [ends, [committed]] = await Promise.all([
        admin.fetchTopicOffsets(topic),
        admin.fetchOffsets({ groupId: group, topics: [topic] }),
      ]);
      return ends.reduce((sum, { partition, high, low }) => {
        const offset = committed?.partitions.find((known) => known.partition === partition)?.offset ?? "-1";
        return sum + Number(high) - Math.max(Number(offset), Number(low));
      }, 0);
    },
    close: () => admin.disconnect(),
  };
}
