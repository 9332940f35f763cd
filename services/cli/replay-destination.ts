import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TopicSpec } from "../activity/index.ts";
import { readHolder } from "../activity-log/embedded/index.ts";
import type { PartitionLag } from "../activity-log/index.ts";
import { type ClickHouse, openClickHouse } from "../clickhouse/index.ts";
import {
  countTopics,
  type DataFolder,
  type EmbeddedPipeline,
  openDataFolder,
  openPipeline,
  type TopicCount,
} from "../local/index.ts";
import type { ReplayTarget } from "../replay/index.ts";
import { type AdminClient, adminClient } from "./admin-client.ts";
import { commandLogger } from "./output.ts";
import { CommandError, parseResource, type ReadResource, readResource } from "./resource.ts";

/** Where a replay goes: a pipeline, and an engine that reads the file for it. */
export interface ReplayDestination {
  readonly target: ReplayTarget;
  /** What the pipeline reads already. */
  readonly topics: readonly TopicSpec[];
  /** CSV and Parquet are staged in its current database. */
  readonly engine: ClickHouse;
  /** What the records of these topics have become. */
  count(topics: readonly string[]): Promise<readonly TopicCount[]>;
  close(): Promise<void>;
}

export interface DestinationOptions {
  /** Of the resource; absent: the one that the folder was made with. */
  readonly file?: string;
  readonly dataDir: string;
  /** Of a running pipeline; absent: the one that holds the folder, if any. */
  readonly url?: string;
}

/** @throws CommandError, EmbeddedLogError, ClickHouseError */
export async function openDestination(options: DestinationOptions): Promise<ReplayDestination> {
  const { file, dataDir, url } = options;
  const holder = url === undefined ? readHolder(resolve(dataDir)) : null;
  if (holder !== null && holder.address === undefined) {
    throw new CommandError(
      `${dataDir} is held by process ${holder.pid}, which can't be talked to: it is another replay, or a pipeline that is` +
        " still starting. Wait for it, or choose another folder with --data-dir",
    );
  }
  if (url === undefined && holder === null) return openFolder(options);
  if (file !== undefined) {
    throw new CommandError("the pipeline is running and has its own resource: leave out --file, or stop it first", 2);
  }
  return openRunning(adminClient(options));
}

/** Staged files are kept apart from the pipeline's tables, so that what a killed replay left is cleared as a whole. */
const STAGING_DATABASE = "replay_staging";

/** Opens the pipeline in this process, without its HTTP side. */
async function openFolder(options: DestinationOptions): Promise<ReplayDestination> {
  const folder = openDataFolder(options.dataDir);
  let pipeline: EmbeddedPipeline | null = null;
  const close = async () => {
    await pipeline?.close();
    folder.release();
  };
  try {
    const { pipeline: resource, text } = await resourceOf(options, folder);
    folder.writeResource(text);
    const opened = await openPipeline({ pipeline: resource, folder, logger: commandLogger(), now: Date.now });
    pipeline = opened;
    const dropStaging = () => opened.clickhouse.command(`DROP DATABASE IF EXISTS ${STAGING_DATABASE} SYNC`);
    await dropStaging();
    const engine = await openClickHouse(opened.clickhouse.target, STAGING_DATABASE);
    return {
      target: opened,
      topics: opened.topics(),
      engine,
      count: (topics) => countTopics(opened.clickhouse, topics),
      async close() {
        await engine.close();
        await dropStaging();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function resourceOf({ file, dataDir }: DestinationOptions, folder: DataFolder): Promise<ReadResource> {
  if (file !== undefined) return readResource(file);
  const text = folder.readResource() ?? DEFAULT_RESOURCE;
  return { text, pipeline: parseResource(text, `resource.yaml in ${dataDir}`) };
}

/** For a folder that nobody has named a pipeline for yet. */
export const DEFAULT_RESOURCE = `apiVersion: productmatcher.dev/v1alpha1
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

/** A pipeline that runs in another process; CSV and Parquet are read by an engine of our own. */
async function openRunning(client: AdminClient): Promise<ReplayDestination> {
  const { topics } = await client.get<{ topics: TopicSpec[] }>("/admin/topics");
  const scratch = await mkdtemp(join(tmpdir(), "productmatcher-replay-"));
  const removeScratch = () => rm(scratch, { recursive: true, force: true });
  try {
    const engine = await openClickHouse({ kind: "embedded", path: scratch }, STAGING_DATABASE);
    return {
      target: overHttp(client),
      topics,
      engine,
      async count(names) {
        const { counts } = await client.get<{ counts: TopicCount[] }>("/admin/topics");
        return counts.filter(({ topic }) => names.includes(topic));
      },
      async close() {
        await engine.close();
        await removeScratch();
      },
    };
  } catch (error) {
    await removeScratch();
    throw error;
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
      return (await client.get<{ partitions: PartitionLag[] }>("/admin/lag")).partitions;
    },
  };
}
