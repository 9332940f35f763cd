/** `npm run bench`: every figure beside the baseline of the same run. Names of parts as arguments run these alone. */
import { benchFreshness } from "./freshness.ts";
import { benchIngestion } from "./ingestion.ts";
import { benchMetrics } from "./metrics.ts";
import { machine, report } from "./report.ts";
import type { Row } from "./row.ts";
import { benchServing } from "./serving.ts";

const PARTS: Readonly<Record<string, () => Promise<Row[]>>> = {
  ingestion: () => benchIngestion({ events: 300_000, rounds: 3, memoryEvents: [1_000_000, 5_000_000] }),
  serving: () => benchServing({ rounds: 5, seconds: 4 }),
  freshness: () => benchFreshness(300),
  metrics: () => benchMetrics({ users: 1_000_000, items: 100_000, scrapes: 500 }),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0)
  throw new Error(`no benchmark ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);

console.log(machine());
for (const [name, measure] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n${report(name, await measure())}`);
}
process.exit();
