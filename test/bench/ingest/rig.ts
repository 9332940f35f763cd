/** What every part of the bench runs on: one broker, ClickHouse behind HTTP, pipelines whose roles are processes. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { OutgoingRecord } from "../../../services/activity-log/index.ts";
import { openKafkaLog } from "../../../services/kafka/index.ts";
import { type Broker, startBroker } from "../../kafka/broker.ts";
import { type FrontProcess, startFrontProcess } from "../../kafka/front-process.ts";
import { createPipeline, type TestedPipeline } from "../../kafka/pipeline.ts";
import { recordOf, type ShopEvent, take } from "./activity.ts";
import { openLag } from "./lag.ts";
import { OTHER_CORES, pin } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const CREDENTIALS = { username: "shop", password: "shop's password" };
export const PARTITIONS = 4;
const APPENDED_AT_ONCE = 5_000;

export interface Rig {
  readonly broker: Broker;
  readonly front: FrontProcess;
  /** Whether processes can be given cores of their own. */
  readonly pinned: boolean;
  /**
   * With tables of its own.
   *
   * @param topics read beside the pipeline's own
   * @param environment of a role that is started
   */
  pipeline(
    name: string,
    topics?: readonly string[],
    environment?: () => Readonly<Record<string, string>>,
  ): Promise<TestedPipeline>;
  /** A topic with this activity. @param recorded what becomes of each record; as it is when absent */
  fill(
    activity: Iterator<ShopEvent>,
    events: number,
    recorded?: (record: OutgoingRecord) => OutgoingRecord,
  ): Promise<string>;
  /** Records of a topic that a group has not committed. */
  lag(group: string, topic: string): Promise<number>;
  remove(): Promise<void>;
}

/** @param options `pinned: false` lets all share all cores; else one is left to what is measured */
export async function startRig({ pinned: wanted = true } = {}): Promise<Rig> {
  const program = await build();
  const broker = await startBroker();
  const front = await startFrontProcess({ credentials: CREDENTIALS });
  const pinned = wanted && (await pin(broker.pid(), OTHER_CORES)) && (await pin(front.pid(), OTHER_CORES));
  const lag = await openLag(broker.plaintext);
  const pipelines = new Set<TestedPipeline>();
  return {
    broker,
    front,
    pinned,
    async pipeline(name, topics = [], environment = () => ({})) {
      const pipeline = createPipeline({
        name: `${name}-${randomUUID().slice(0, 8)}`,
        program,
        bootstrapServers: broker.plaintext,
        clickhouse: { url: front.url, ...CREDENTIALS },
        topics: topics.map((topic) => ({ name: topic })),
        environment,
      });
      pipelines.add(pipeline);
      await pipeline.job("migrate");
      return pipeline;
    },
    async fill(activity, events, recorded = (record) => record) {
      const topic = `activity-${randomUUID()}`;
      const topicDefaults = { partitions: PARTITIONS, replicationFactor: 1 };
      const log = openKafkaLog({ bootstrapServers: [broker.plaintext], topicDefaults });
      for (let left = events; left > 0; left -= APPENDED_AT_ONCE) {
        await log.append(
          topic,
          take(activity, Math.min(left, APPENDED_AT_ONCE)).map((event) => recorded(recordOf(event))),
        );
      }
      await log.close();
      return topic;
    },
    lag: lag.of,
    async remove() {
      await Promise.all([...pipelines].map((pipeline) => pipeline.remove()));
      await lag.close();
      await front.remove();
      await broker.remove();
    },
  };
}

/** Roles run as they are published, compiled: from source each holds the compiler too, 30 MB. @returns the program */
async function build(): Promise<string> {
  await promisify(execFile)("npm", ["run", "--silent", "build"], { cwd: ROOT });
  return "dist/services/cli/main.js";
}
