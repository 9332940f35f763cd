/**
 * `npm run bench:soak`: two million events through collector, Kafka, consumers and ClickHouse, counted to the event, while
 * consumers are killed. `--events N` and `--kills N` for a shorter one. Ends with 1 when anything is lost or doubled.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { RECORD_ID_HEADER } from "../../../services/activity-log/index.ts";
import { count, table } from "../../../services/cli/output.ts";
import type { RoleProcess } from "../../fixtures/role-process.ts";
import { peakResidentBytes, pidOf } from "../ingest/processes.ts";
import { startRig } from "../ingest/rig.ts";
import { machine } from "../report.ts";
import { takeCensus } from "./census.ts";
import { deliver } from "./delivery.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "2000000" },
    kills: { type: "string", default: "4" },
  },
});
const [events, kills] = [Number(values.events), Number(values.kills)];
if (!(Number.isInteger(events) && events > 0)) throw new Error("--events: give a whole number of at least 1");
if (!(Number.isInteger(kills) && kills >= 0)) throw new Error("--kills: give a whole number");

const CONSUMERS = 2;
/** Records that are no JSON, straight into the topic: no collector lets them through. */
const MALFORMED = 1_000;
const LOOK_MILLISECONDS = 100;
const SAMPLE_MILLISECONDS = 2_000;
const PROGRESS_MILLISECONDS = 15_000;
const MEBIBYTE = 1_048_576;

console.log(machine());
const rig = await startRig({ pinned: false });
const pipeline = await rig.pipeline("soak");
const running: Record<string, RoleProcess> = { collector: pipeline.role("collector") };
for (let number = 1; number <= CONSUMERS; number += 1) running[`consumer ${number}`] = pipeline.consume();
const peaks = new Map<string, number>();
const watching = setInterval(watchMemory, SAMPLE_MILLISECONDS);
try {
  const address = await (running.collector as RoleProcess).address;
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1_000;
  let acknowledged = 0;
  const telling = setInterval(() => void tell(acknowledged, seconds()), PROGRESS_MILLISECONDS);
  const [delivered] = await Promise.all([
    deliver(address, events, (now) => {
      acknowledged = now;
    }),
    pipeline.send(malformed(), MALFORMED),
    killConsumers(() => acknowledged),
  ]);
  const sentSeconds = seconds();
  await pipeline.caughtUp();
  const storedSeconds = seconds();
  clearInterval(telling);
  watchMemory();
  const { stored, lost, unknown, doubled, deadLetters, checkouts } = await takeCensus(pipeline, events);
  const figures: [string, string][] = [
    ["events sent", count(delivered.events)],
    ["sent again", count(delivered.repeats)],
    ["batches posted again", count(delivered.postedAgain)],
    ["no events: sent, refused by the collector", `${count(delivered.bad)}, ${count(delivered.refused)}`],
    ["not JSON: in the topic, dead letters", `${count(MALFORMED)}, ${count(deadLetters)}`],
    ["consumers killed", count(kills)],
    ["stored", count(stored)],
    ["lost", count(lost + MALFORMED - deadLetters)],
    ["doubled", count(doubled)],
    ["unknown", count(unknown)],
    ["purchases sent, checkouts stored", `${count(delivered.purchases)}, ${count(checkouts)}`],
    ["acknowledged by the collector", `${count(Math.round(events / sentSeconds))} events/s`],
    ["stored, from the first request to the last commit", `${count(Math.round(events / storedSeconds))} events/s`],
    ...[...peaks].map(([role, bytes]): [string, string] => [
      `peak resident memory, ${role}`,
      `${count(Math.round(bytes / MEBIBYTE))} MiB`,
    ]),
  ];
  console.log(`\n${table(["SOAK", ""], figures)}`);
  const exact =
    lost === 0 &&
    doubled === 0 &&
    unknown === 0 &&
    deadLetters === MALFORMED &&
    checkouts === delivered.purchases &&
    delivered.refused === delivered.bad;
  console.log(exact ? "Every event is there, once." : "NOT EXACT: see lost, doubled, unknown, refused and checkouts.");
  process.exitCode = exact ? 0 : 1;
} finally {
  clearInterval(watching);
  await rig.remove();
}
process.exit();

/** Spread over the load, at the moments when so many are acknowledged. */
async function killConsumers(acknowledged: () => number): Promise<void> {
  for (let kill = 1; kill <= kills; kill += 1) {
    while (acknowledged() < (events * kill) / (kills + 1)) await sleep(LOOK_MILLISECONDS);
    const name = `consumer ${1 + (kill % CONSUMERS)}`;
    await running[name]?.kill();
    running[name] = pipeline.consume();
  }
}

function malformed() {
  return Array.from({ length: MALFORMED }, (_, number) => {
    const key = `malformed-${number}`;
    return { key, value: Buffer.from(`{"event":"view", ${number}`), headers: { [RECORD_ID_HEADER]: key } };
  });
}

function watchMemory(): void {
  for (const [name, { child }] of Object.entries(running)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    peaks.set(name, Math.max(peaks.get(name) ?? 0, peakResidentBytes(pidOf(child))));
  }
  peaks.set("ClickHouse", peakResidentBytes(rig.front.pid()));
  peaks.set("Kafka", peakResidentBytes(rig.broker.pid()));
}

async function tell(acknowledged: number, seconds: number): Promise<void> {
  const lag = await rig.lag(pipeline.group, pipeline.topic);
  console.log(`${Math.round(seconds)} s: ${count(acknowledged)} acknowledged, ${count(lag)} to store`);
}
