/** A program: `node fit-simulated.ts EVENTS` fits each algorithm on so much activity. Prints `Took` by name, as JSON. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settleProcess } from "../../../services/cli/process-settings.ts";
import { openClickHouse } from "../../../services/clickhouse/index.ts";
import { ALGORITHMS } from "../../../services/trainer/index.ts";
import { ACTIVITY_COLUMNS, createInteractions, DEFAULT_HISTORY_ITEMS } from "../../../services/trainer/interactions.ts";
import { createMatrix } from "../../../services/trainer/matrix.ts";
import { runName, withWorkTables } from "../../../services/trainer/work-tables.ts";
import { SIMULATED_ACTIVITY } from "./activity.ts";
import { type Took, took } from "./programs.ts";

settleProcess();
const events = Number(process.argv[2]);
const folder = await mkdtemp(join(tmpdir(), "productmatcher-bench-growth-"));
const clickhouse = await openClickHouse({ kind: "embedded", path: folder }, "bench");
const run = { name: runName(Date.now()), now: Date.now() };
const all = await withWorkTables(clickhouse, { database: "bench" }, run, async (work) => {
  const activity = await work.create({ name: "activity", columns: ACTIVITY_COLUMNS, orderBy: "(actor_id, item_id)" });
  await work.run(
    `INSERT INTO ${activity} (actor_id, session_id, item_id, event, occurred_at, quantity)
     SELECT actor_id, session_id, item_id, event, occurred_at, quantity FROM (${SIMULATED_ACTIVITY})`,
    { events },
  );
  const weighting = { weights: { view: 1, purchase: 8 }, halfLifeDays: 30, historyItems: DEFAULT_HISTORY_ITEMS };
  const [row] = await clickhouse.query<{ watermark: string }>(
    `SELECT toUnixTimestamp64Milli(max(occurred_at)) AS watermark FROM ${activity}`,
  );
  const window = { watermark: Number(row?.watermark), before: null };
  const { result: matrix, ...preparation } = await took(async () =>
    createMatrix(work, "bench", await createInteractions(work, "interactions", activity, weighting, window)),
  );
  const measured: Record<string, Took> = { preparation };
  for (const [name, algorithm] of ALGORITHMS) {
    const context = { work, name, activity, weighting, window, matrix, onProgress: () => {} };
    const { result: model, ...fit } = await took(() => algorithm.fit(context));
    await model.close?.();
    measured[name] = fit;
  }
  return measured;
});
await clickhouse.close();
await rm(folder, { recursive: true, force: true });
console.log(JSON.stringify(all));
