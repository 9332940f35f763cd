/**
 * `npm run bench:tracing`: what traces cost, as processor time beside that of the same work without them, in turn. Names of
 * parts as arguments run these alone.
 */
import { OTHER_CORES } from "../ingest/processes.ts";
import { startProgram } from "../ingest/programs.ts";
import { type Rig, startRig } from "../ingest/rig.ts";
import { machine, report } from "../report.ts";
import type { Row } from "../row.ts";
import { benchCollector, benchConsumer } from "./ingest.ts";
import { benchServing } from "./serving.ts";

type Part = (receiver: string, rig: () => Promise<Rig>) => Promise<Row[]>;

const PARTS: Readonly<Record<string, Part>> = {
  serving: (receiver) => benchServing(receiver, { processes: 4, rounds: 4, seconds: 2 }),
  collector: async (receiver, rig) => benchCollector(await rig(), receiver, { rounds: 12, seconds: 2 }),
  consumer: async (receiver, rig) => benchConsumer(await rig(), receiver, { rounds: 9, events: 100_000 }),
};
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0) throw new Error(`no part ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);

console.log(machine());
const sink = await startProgram("span-sink.ts", [], OTHER_CORES);
const opened: Rig[] = [];
const rig = async () => {
  if (opened[0] === undefined) opened.push(await startRig());
  return opened[0] as Rig;
};
try {
  for (const [name, measure] of Object.entries(PARTS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    console.log(`\n${report(name, await measure(await sink.firstLine, rig))}`);
  }
} finally {
  sink.end();
  for (const started of opened) await started.remove();
}
process.exit();
