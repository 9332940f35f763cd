import { beforeEach, vi } from "vitest";
import { openKafkaLog } from "../../services/kafka/index.ts";
import { describeActivityLog } from "../activity-log/contract.ts";
import { broker, describeKafka } from "./suite.ts";

describeKafka("Kafka", () => {
  beforeEach(() => {
    vi.setConfig({ testTimeout: 30_000 });
  });
  describeActivityLog("the log on Kafka", async () =>
    openKafkaLog({
      bootstrapServers: [broker().plaintext],
      topicDefaults: { partitions: 4, replicationFactor: 1 },
      fetchWaitMilliseconds: 50,
    }),
  );
});
