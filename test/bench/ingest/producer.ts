/**
 * A program: sends a shop's activity to a topic until it is ended. `node producer.ts '<Production as JSON>'`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openKafkaLog } from "../../../services/kafka/index.ts";
import { recordOf, shopActivity, take } from "./activity.ts";
import { openLag } from "./lag.ts";

export interface Production {
  readonly broker: string;
  readonly topic: string;
  /** Of the activity. */
  readonly seed: number;
  /** Steadily so many events a second; absent: as fast as it goes. */
  readonly perSecond?: number;
  /** Never further ahead of a group than this. */
  readonly ahead?: { readonly group: string; readonly records: number };
}

const APPENDED_AT_ONCE = 2_000;
const LOOK_MILLISECONDS = 100;

const { broker, topic, seed, perSecond, ahead } = JSON.parse(process.argv[2] ?? "") as Production;
const log = openKafkaLog({ bootstrapServers: [broker] });
const lag = await openLag(broker);
const activity = shopActivity(seed);
const started = performance.now();
for (let sent = 0; ; ) {
  while (ahead !== undefined && (await lag.of(ahead.group, topic)) > ahead.records) await sleep(LOOK_MILLISECONDS);
  await log.append(topic, take(activity, APPENDED_AT_ONCE).map(recordOf));
  sent += APPENDED_AT_ONCE;
  if (perSecond === undefined) continue;
  const early = started + (sent / perSecond) * 1_000 - performance.now();
  if (early > 0) await sleep(early);
}
