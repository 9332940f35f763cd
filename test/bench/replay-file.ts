/** A program: replays the file into a new data folder and prints how fast, and how much memory it took. */
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { settleProcess } from "../../services/cli/process-settings.ts";
import { DEFAULT_RESOURCE } from "../../services/cli/replay-destination.ts";
import { parseResource } from "../../services/cli/resource.ts";
import { openDataFolder, openPipeline } from "../../services/local/index.ts";
import { openReplaySource, replay } from "../../services/replay/index.ts";

settleProcess();
const [file = "", dataDir = ""] = process.argv.slice(2);
const folder = openDataFolder(dataDir);
const pipeline = await openPipeline({
  pipeline: parseResource(DEFAULT_RESOURCE, "the benchmark's resource"),
  folder,
  logger: pino({ level: "warn" }, pino.destination(2)),
  now: Date.now,
});
const source = await openReplaySource(file, "auto", { engine: pipeline.clickhouse });
const started = performance.now();
const { sent } = await replay(source, pipeline, {
  speed: null,
  onProgress: () => {},
  clock: { now: Date.now, sleep: (milliseconds) => delay(milliseconds) },
  signal: new AbortController().signal,
});
const seconds = (performance.now() - started) / 1000;
await source.close();
await pipeline.close();
folder.release();
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ eventsPerSecond: sent / seconds, peakBytes }));
