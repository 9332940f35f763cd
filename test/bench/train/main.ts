/**
 * `npm run bench:train`: fitting, judging and answering, beside the C++ library `implicit` in the same run. Names of parts as
 * arguments run these alone; `--rounds N` of the comparison, `--events N` of the run that watches memory.
 */
import { parseArgs } from "node:util";
import { machine, report } from "../report.ts";
import type { Row } from "../row.ts";
import { benchAgainstPeer } from "./against-peer.ts";
import { benchAlgorithms } from "./algorithms.ts";
import { splitFiles } from "./data.ts";
import { benchGrowth } from "./growth.ts";
import { benchMemory } from "./memory.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "3" }, events: { type: "string", default: "10000000" } },
});
const [rounds, events] = [atLeastOne("rounds", values.rounds), atLeastOne("events", values.events)];

const files = splitFiles();
const PARTS: Readonly<Record<string, () => Promise<Row[]>>> = {
  algorithms: () => benchAlgorithms(files),
  implicit: () => benchAgainstPeer(files, rounds),
  growth: () => benchGrowth(300_000),
  memory: () => benchMemory(events, ["itemNeighbours", "sessionNeighbours", "factorisation"]),
};
const unknown = positionals.filter((name) => !(name in PARTS));
if (unknown.length > 0) throw new Error(`no part ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);

console.log(machine());
for (const [name, measure] of Object.entries(PARTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const began = performance.now();
  const rows = await measure();
  console.log(`\n${report(name, rows)}\n${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
}
process.exit();

function atLeastOne(option: string, text: string): number {
  const number = Number(text);
  if (!(Number.isInteger(number) && number >= 1)) throw new Error(`--${option}: give a whole number of at least 1`);
  return number;
}
