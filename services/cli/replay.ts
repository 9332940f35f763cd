import { setTimeout as delay } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { EmbeddedLogError } from "../activity-log/embedded/index.ts";
import { SchemaVersionError } from "../clickhouse/index.ts";
import { DataFolderError, type TopicCount } from "../local/index.ts";
import {
  type Clock,
  openReplaySource,
  REPLAY_FORMATS,
  type Replayed,
  type ReplayFormat,
  type ReplaySource,
  ReplaySourceError,
  type ReplayTarget,
  replay,
} from "../replay/index.ts";
import { dataDirOption, urlOption } from "./admin-client.ts";
import { count, progressBar, table } from "./output.ts";
import { openDestination, type ReplayDestination } from "./replay-destination.ts";
import { CommandError } from "./resource.ts";
import { onStopSignal } from "./signals.ts";

interface ReplayOptions {
  readonly format: ReplayFormat | "auto";
  readonly topic?: string;
  readonly file?: string;
  readonly speed?: number;
  readonly dataDir: string;
  readonly url?: string;
  readonly json?: true;
}

export function replayCommand(): Command {
  return new Command("replay")
    .description("Send a file of activity through the real path: log, consumer, tables")
    .argument("<file>", "recorded activity")
    .addOption(new Option("--format <name>", "layout of the file").choices([...REPLAY_FORMATS, "auto"]).default("auto"))
    .option("--topic <name>", "the file holds this topic of the resource, one JSON record a line")
    .option("--speed <multiple>", "a multiple of recorded time (default: as fast as it goes)", positive)
    .option("-f, --file <resource>", "the pipeline (default: the one that --data-dir was made with)")
    .addOption(dataDirOption())
    .addOption(urlOption())
    .option("--json", "print the summary as JSON")
    .addHelpText("after", HELP)
    .action((file: string, options: ReplayOptions) => run(file, options));
}

const HELP = `
Layouts: retailrocket (CSV), uci (UCI Online Retail, Parquet), otto, segment and seed (JSON lines; seed is the topics
clicks and checkouts), jsonlines (any topic of the resource, with --topic). CSV and Parquet are read by ClickHouse.
Where a pipeline runs on --data-dir, or --url names one, the records go to it; else they are stored right here.
A second replay of the same file changes nothing: each record is known by file name and row. A file of the same name with
other content takes the place of the first, unless its records carry ids of their own: give each file its own name.
Ctrl-C stores what was sent, says how much is left and ends with exit code 130; the same command again sends the rest.

Examples:
  $ productmatcher replay online_retail.parquet
  $ productmatcher replay events.csv --format retailrocket --json
  $ productmatcher replay clicks.jsonl --topic clicks --speed 60`;

interface Summary {
  /** Sent, and stored. */
  readonly records: number;
  /** Not sent, because a person stopped it. */
  readonly left: number;
  readonly seconds: number;
  readonly topics: readonly TopicCount[];
}

const EXIT_INTERRUPTED = 130;
const DEAD_LETTERS_HINT = 'Records that were not accepted: "dead-letters list" says why, while the pipeline runs.';

async function run(file: string, options: ReplayOptions): Promise<void> {
  const started = performance.now();
  const stopping = new AbortController();
  onStopSignal(() => {
    console.error("Stopping: what was sent is stored first. Ctrl-C again leaves that to the next start.");
    stopping.abort();
  });
  const { sent, left, topics } = await explained(async () => {
    const destination = await openDestination(options);
    try {
      return await replayInto(destination, file, options, stopping.signal);
    } finally {
      await destination.close();
    }
  });
  const summary: Summary = { records: sent, left, seconds: (performance.now() - started) / 1000, topics };
  console.log(options.json ? JSON.stringify(summary, null, 2) : summaryText(summary));
  if (left > 0) process.exitCode = EXIT_INTERRUPTED;
}

/** Turns what a person can mend into a message without a stack. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ReplaySourceError) throw new CommandError(error.message, 2);
    const mendable = [EmbeddedLogError, DataFolderError, SchemaVersionError].some((type) => error instanceof type);
    if (mendable && error instanceof Error) throw new CommandError(error.message);
    throw error;
  }
}

function summaryText({ records, left, seconds, topics }: Summary): string {
  const rows = topics.map((row) => [row.topic, row.events, row.deadLetters]);
  const rest = `Stopped: ${count(left)} records are left; the same command again sends them and counts none twice.`;
  return [
    `${count(records)} records in ${seconds.toFixed(1)} s (${count(Math.round(records / seconds))} a second).`,
    ...(left > 0 ? [rest] : []),
    "",
    table(["TOPIC", "EVENTS IN THE TABLE", "OPEN DEAD LETTERS"], rows),
    ...(topics.some(({ deadLetters }) => deadLetters > 0) ? ["", DEAD_LETTERS_HINT] : []),
  ].join("\n");
}

type Outcome = Replayed & Pick<Summary, "topics">;

async function replayInto(
  destination: ReplayDestination,
  file: string,
  options: ReplayOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const source = await openSource(destination, file, options);
  try {
    const replayed = await send(source, destination.target, options.speed ?? null, signal);
    return { ...replayed, topics: await destination.count(source.topics.map(({ name }) => name)) };
  } finally {
    await source.close();
  }
}

function openSource(
  { topics, engine }: ReplayDestination,
  file: string,
  { format, topic: name, speed }: ReplayOptions,
): Promise<ReplaySource> {
  const topic = topics.find((known) => known.name === name);
  if (name !== undefined && topic === undefined) {
    const names = topics.map((known) => known.name).join(", ");
    throw new CommandError(`the pipeline has no topic ${name}; it has ${names === "" ? "none" : names}`, 2);
  }
  return openReplaySource(file, format, {
    engine,
    readTimes: speed !== undefined,
    ...(topic === undefined ? {} : { topic }),
  });
}

const clock: Clock = {
  now: Date.now,
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { ...(signal && { signal }) }).catch(() => {}),
};

async function send(
  source: ReplaySource,
  target: ReplayTarget,
  speed: number | null,
  signal: AbortSignal,
): Promise<Replayed> {
  const bar = progressBar("replaying", "records");
  try {
    return await replay(source, target, {
      speed,
      onProgress: (stored, total) => bar.update(stored, total),
      clock,
      signal,
    });
  } finally {
    bar.stop();
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("must be a number above 0.");
}
