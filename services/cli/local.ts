import { Command, InvalidArgumentError, Option } from "commander";
import { EmbeddedLogError } from "../activity-log/embedded/index.ts";
import { SchemaVersionError } from "../clickhouse/index.ts";
import { ListenError } from "../http/index.ts";
import { DataFolderError, type LocalProgress, type RunningLocal, resetDataFolder, runLocal } from "../local/index.ts";
import { startTracing } from "../telemetry/index.ts";
import { dataDirOption } from "./admin-client.ts";
import { port, wholeNumber } from "./options.ts";
import { commandLogger, type Progress, progressBar } from "./output.ts";
import { CommandError, readResource } from "./resource.ts";
import { onStopSignal } from "./signals.ts";
import { showTour } from "./tour.ts";

interface LocalCommandOptions {
  readonly file: string;
  readonly dataDir: string;
  readonly port: number;
  readonly host: string;
  readonly simulate?: number | true;
  readonly historyDays: number;
  readonly reset?: true;
}

const DEFAULT_EVENTS_PER_SECOND = 5;
const DEFAULT_HISTORY_DAYS = 14;

export function localCommand(): Command {
  return new Command("local")
    .description("Run a whole pipeline in this process: collector, consumer, trainer, recommender, on one address")
    .requiredOption("-f, --file <resource>", "the RecommenderPipeline")
    .addOption(dataDirOption())
    .addOption(new Option("--port <number>", "port of the address").argParser(port).default(8080))
    .option("--host <address>", "address to listen on; there is no sign-in, so think before you open it", "127.0.0.1")
    .option(
      "--simulate [eventsPerSecond]",
      `put a simulated shop in front (${DEFAULT_EVENTS_PER_SECOND} events a second)`,
      rate,
    )
    .addOption(
      new Option("--history-days <number>", "days of past activity that the simulated shop of a new folder begins with")
        .argParser(wholeNumber(1, 365))
        .default(DEFAULT_HISTORY_DAYS),
    )
    .option("--reset", "delete what earlier runs kept in --data-dir, and begin anew")
    .addHelpText(
      "after",
      `
Kafka, ClickHouse and Postgres are replaced by engines inside the process, which keep their data in --data-dir; a second
start goes on where the first stopped. Ctrl-C stops it.

Examples:
  $ productmatcher local -f examples/quickstart.yaml --simulate
  $ productmatcher local -f storefront.yaml --data-dir /var/lib/productmatcher --port 9000
  $ productmatcher local -f storefront.yaml --reset`,
    )
    .action(run);
}

async function run(options: LocalCommandOptions): Promise<void> {
  const { pipeline, text } = await readResource(options.file);
  const started = performance.now();
  const stopTracing = await startTracing({
    identity: { role: "local", pipeline: pipeline.metadata },
    logger: commandLogger(),
  });
  try {
    const local = await explained(() => {
      if (options.reset) resetDataFolder(options.dataDir);
      return start(options, pipeline, text);
    });
    await showTour(local, options, (performance.now() - started) / 1000);
    await untilStopped(local);
  } finally {
    await stopTracing();
  }
  // A receiver of traces that is away is still being tried: nobody waits for that.
  process.exit();
}

async function start(
  options: LocalCommandOptions,
  pipeline: Parameters<typeof runLocal>[0]["pipeline"],
  resourceText: string,
): Promise<RunningLocal> {
  const { simulate } = options;
  const bar = progressBar("starting", "");
  try {
    return await runLocal({
      pipeline,
      resourceText,
      dataDir: options.dataDir,
      host: options.host,
      port: options.port,
      simulation:
        simulate === undefined
          ? null
          : {
              eventsPerSecond: simulate === true ? DEFAULT_EVENTS_PER_SECOND : simulate,
              historyDays: options.historyDays,
            },
      logger: commandLogger(),
      now: Date.now,
      onProgress: startProgress(bar),
    });
  } finally {
    bar.stop();
  }
}

function startProgress(bar: Progress): (progress: LocalProgress) => void {
  let mostLeft = 0;
  return (progress) => {
    if (progress.step === "history") {
      bar.update(progress.done, progress.total, "writing the shop's past activity to the log");
    } else if (progress.step === "storing") {
      mostLeft = Math.max(mostLeft, progress.left);
      bar.update(mostLeft - progress.left, mostLeft, "storing what is in the log");
    } else if (progress.step === "training") {
      bar.update(Math.round(progress.share * 100), 100, "training the first models");
    }
  };
}

/** Turns what a person can mend into a message without a stack. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const mendable = [EmbeddedLogError, DataFolderError, ListenError, SchemaVersionError].some(
      (type) => error instanceof type,
    );
    throw mendable && error instanceof Error ? new CommandError(error.message) : error;
  }
}

async function untilStopped(local: RunningLocal): Promise<void> {
  const stopped = new Promise<NodeJS.Signals>(onStopSignal);
  try {
    await Promise.race([stopped, local.failed]);
  } finally {
    console.log("\nStopping: what was accepted is stored first.");
    await local.close();
  }
  console.log("Stopped. The next start goes on from here.");
}

function rate(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= 10_000) return value;
  throw new InvalidArgumentError("must be a number above 0, up to 10000.");
}
