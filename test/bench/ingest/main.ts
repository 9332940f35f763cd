/**
 * `npm run bench:ingest`: the streaming path on a real broker and a ClickHouse over HTTP, beside the baselines of the same
 * run. Names of parts as arguments run these alone; `--minutes N` shortens the part that watches memory.
 */
import { parseArgs } from "node:util";
import { machine, report } from "../report.ts";
import type { Row } from "../row.ts";
import { benchCollector } from "./collector-rate.ts";
import { benchConsumer } from "./consumer-rate.ts";
import { benchMemory } from "./memory.ts";
import { benchOutage } from "./outage.ts";
import { type Rig, startRig } from "./rig.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "10" } },
});
const minutes = Number(values.minutes);
if (!(Number.isInteger(minutes) && minutes >= 3)) throw new Error("--minutes: give a whole number of at least 3");

const PARTS: Readonly<Record<string, (rig: Rig) => Promise<Row[]>>> = {
  consumer: (rig) => benchConsumer(rig, { events: 400_000, rounds: 5 }),
  collector: (rig) => benchCollector(rig, { rounds: 5, seconds: 5 }),
  outage: (rig) => benchOutage(rig, { seconds: 60, eventsPerSecond: 4_000 }),
  memory: (rig) => benchMemory(rig, minutes),
};
const unknown = positionals.filter((name) => !(name in PARTS));
if (unknown.length > 0) throw new Error(`no part ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);

console.log(machine());
const rig = await startRig();
try {
  if (!rig.pinned) console.log("There is no taskset here: the measured process shares its core with the others.");
  for (const [name, measure] of Object.entries(PARTS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    console.log(`\n${report(name, await measure(rig))}`);
  }
} finally {
  await rig.remove();
}
process.exit();
