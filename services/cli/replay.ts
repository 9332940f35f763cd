import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { TopicSpec } from "../activity/index.ts";
import { readHolder } from "../activity-log/embedded/index.ts";
import { type ClickHouse, openClickHouse } from "../clickhouse/index.ts";
import { countTopics, type DataFolder, openDataFolder, openPipeline, type TopicCount } from "../local/index.ts";
import {
  openReplaySource,
  REPLAY_FORMATS,
  type ReplayFormat,
  type ReplaySource,
  ReplaySourceError,
  type ReplayTarget,
  replay,
} from "../replay/index.ts";
import { type AdminClient, adminClient, dataDirOption, urlOption } from "./admin-client.ts";
import { commandLogger, count, progressBar, table } from "./output.ts";
import { CommandError, parseResource, type ReadResource, readResource } from "./resource.ts";

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
A second replay of the same file changes nothing: each record is known by file name and row.

Examples:
  $ productmatcher replay online_retail.parquet
  $ productmatcher replay events.csv --format retailrocket --json
  $ productmatcher replay clicks.jsonl --topic clicks --speed 60`;

interface Summary {
  readonly records: number;
  readonly seconds: number;
  readonly topics: readonly TopicCount[];
}

async function run(file: string, options: ReplayOptions): Promise<void> {
  const started = performance.now();
  const running = options.url !== undefined || readHolder(resolve(options.dataDir)) !== null;
  const { records, topics } = running ? await intoRunning(file, options) : await intoFolder(file, options);
  const summary: Summary = { records, seconds: (performance.now() - started) / 1000, topics };
  console.log(options.json ? JSON.stringify(summary, null, 2) : summaryText(summary));
}

function summaryText({ records, seconds, topics }: Summary): string {
  const rows = topics.map((row) => [row.topic, row.events, row.deadLetters]);
  return [
    `${count(records)} records in ${seconds.toFixed(1)} s (${count(Math.round(records / seconds))} a second).`,
    "",
    table(["TOPIC", "EVENTS IN THE TABLE", "OPEN DEAD LETTERS"], rows),
  ].join("\n");
}

type Outcome = Pick<Summary, "records" | "topics">;

/** Opens the pipeline in this process, without its HTTP side. */
async function intoFolder(file: string, options: ReplayOptions): Promise<Outcome> {
  const logger = commandLogger();
  const folder = openDataFolder(options.dataDir);
  try {
    const { pipeline: resource, text } = await resourceOf(options, folder);
    folder.writeResource(text);
    const pipeline = await openPipeline({ pipeline: resource, folder, logger, now: Date.now });
    try {
      const target: ReplayTarget = {
        addTopics: (topics) => pipeline.addTopics(topics),
        append: (topic, records) => pipeline.append(topic, records),
        lag: async () => (await pipeline.consumer().status()).lag,
      };
      const source = await openSource(file, options, { topics: pipeline.topics(), engine: pipeline.clickhouse });
      const records = await send(source, target, options);
      const topics = source.topics.map((topic) => topic.name);
      return { records, topics: await countTopics(pipeline.clickhouse, topics) };
    } finally {
      await pipeline.close();
    }
  } finally {
    folder.release();
  }
}

async function resourceOf({ file, dataDir }: ReplayOptions, folder: DataFolder): Promise<ReadResource> {
  if (file !== undefined) return readResource(file);
  const text = folder.readResource() ?? DEFAULT_RESOURCE;
  return { text, pipeline: parseResource(text, `resource.yaml in ${dataDir}`) };
}

/** For a folder that nobody has named a pipeline for yet. */
const DEFAULT_RESOURCE = `apiVersion: productmatcher.dev/v1alpha1
kind: RecommenderPipeline
metadata:
  name: storefront
spec:
  source:
    kafka:
      bootstrapServers: [kafka:9092]
  sink:
    clickhouse:
      url: http://clickhouse:8123
      credentials:
        secretRef:
          name: clickhouse
  collector: {}
`;

/** Sends the records to a pipeline that runs in another process; CSV and Parquet are read by an engine of our own. */
async function intoRunning(file: string, options: ReplayOptions): Promise<Outcome> {
  const client = adminClient(options);
  const { topics } = await client.get<{ topics: TopicSpec[] }>("/admin/topics");
  const scratch = await mkdtemp(join(tmpdir(), "productmatcher-replay-"));
  const engine = await openClickHouse({ kind: "embedded", path: scratch }, "replay");
  try {
    const source = await openSource(file, options, { topics, engine });
    const records = await send(source, overHttp(client), options);
    const { counts } = await client.get<{ counts: TopicCount[] }>("/admin/topics");
    const names = new Set(source.topics.map((topic) => topic.name));
    return { records, topics: counts.filter((row) => names.has(row.topic)) };
  } finally {
    await engine.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

function overHttp(client: AdminClient): ReplayTarget {
  return {
    async addTopics(topics) {
      await client.post("/admin/topics", { topics });
    },
    async append(topic, records) {
      const body = records.map(({ key, value, headers }) => ({
        key,
        valueBase64: Buffer.from(value).toString("base64"),
        headers: headers ?? {},
      }));
      await client.post("/admin/records", { topic, records: body });
    },
    async lag() {
      const { consumer } = await client.get<{ consumer: { lag: number } }>("/status");
      return consumer.lag;
    },
  };
}

function openSource(
  file: string,
  options: ReplayOptions,
  pipeline: { readonly topics: readonly TopicSpec[]; readonly engine: ClickHouse },
): Promise<ReplaySource> {
  const topic = pipeline.topics.find((entry) => entry.name === options.topic);
  if (options.topic !== undefined && topic === undefined) {
    const known = pipeline.topics.map((entry) => entry.name).join(", ");
    throw new CommandError(`the pipeline has no topic ${options.topic}; it has ${known === "" ? "none" : known}`, 2);
  }
  return openOrExplain(file, options, { engine: pipeline.engine, ...(topic === undefined ? {} : { topic }) });
}

async function openOrExplain(
  file: string,
  options: ReplayOptions,
  sourceOptions: Parameters<typeof openReplaySource>[2],
): Promise<ReplaySource> {
  try {
    return await openReplaySource(file, options.format, { ...sourceOptions, readTimes: options.speed !== undefined });
  } catch (error) {
    if (error instanceof ReplaySourceError) throw new CommandError(error.message, 2);
    throw error;
  }
}

async function send(source: ReplaySource, target: ReplayTarget, options: ReplayOptions): Promise<number> {
  const bar = progressBar("replaying", "records");
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGINT", stop);
  try {
    return await replay(source, target, {
      speed: options.speed ?? null,
      onProgress: (stored, total) => bar.update(stored, total),
      now: () => performance.now(),
      signal: stopping.signal,
    });
  } finally {
    process.off("SIGINT", stop);
    bar.stop();
    await source.close();
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("must be a number above 0.");
}
