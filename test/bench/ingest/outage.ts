/** How fast a consumer catches up after ClickHouse was away, while the shop goes on. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Row } from "../row.ts";
import { joined } from "./consumer-rate.ts";
import { MEASURED_CORES, OTHER_CORES, pidOf, pin } from "./processes.ts";
import type { Production } from "./producer.ts";
import { startProgram } from "./programs.ts";
import type { Rig } from "./rig.ts";

const STEADY_SECONDS = 15;
const LOOK_MILLISECONDS = 50;

export interface OutageBenchOptions {
  readonly seconds: number;
  /** Of the shop, all the time. */
  readonly eventsPerSecond: number;
}

export async function benchOutage(rig: Rig, { seconds, eventsPerSecond }: OutageBenchOptions): Promise<Row[]> {
  const pipeline = await rig.pipeline("outage");
  const { topic, group } = pipeline;
  const production: Production = { broker: rig.broker.plaintext, topic, seed: 4, perSecond: eventsPerSecond };
  const consumer = pipeline.consume();
  const producer = await startProgram("producer.ts", [JSON.stringify(production)], OTHER_CORES);
  const lag = () => rig.lag(group, topic);
  try {
    await pin(pidOf(consumer.child), MEASURED_CORES);
    await joined(consumer);
    await sleep(STEADY_SECONDS * 1_000);
    const steady = await lag();
    await rig.front.fault({ kind: "Refuse" });
    await sleep(seconds * 1_000);
    await rig.front.fault(null);
    const back = performance.now();
    const waiting = await lag();
    // Positions move again once the batch that was being tried is stored.
    while ((await lag()) >= waiting) await sleep(LOOK_MILLISECONDS);
    const resumed = performance.now();
    const behind = await lag();
    while ((await lag()) > Math.max(steady, eventsPerSecond)) await sleep(LOOK_MILLISECONDS);
    const drained = (performance.now() - resumed) / 1_000;
    return [
      {
        name: `lag after ${seconds} s without ClickHouse, ${eventsPerSecond} events/s`,
        value: waiting,
        unit: "records",
      },
      { name: "from its return until the first commit", value: (resumed - back) / 1_000, unit: "s" },
      { name: "lag drained, beside what still comes", value: (behind - (await lag())) / drained, unit: "records/s" },
      { name: "from its return until the lag was as before", value: (performance.now() - back) / 1_000, unit: "s" },
    ];
  } finally {
    await rig.front.fault(null);
    producer.end();
    await consumer.stop();
    await pipeline.remove();
  }
}
