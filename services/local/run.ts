import { randomUUID } from "node:crypto";
import express from "express";
import type { Logger } from "pino";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { collectorRouter, collectorSettings } from "../collector/index.ts";
import { notFound, operations, problemHandler, type RunningServer, startServer } from "../http/index.ts";
import { type Recommender, startRecommender } from "../recommender/index.ts";
import { adminRouter } from "./admin.ts";
import { type LocalConsole, newAdminKey, openConsole } from "./console.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import { type EmbeddedPipeline, openPipeline } from "./pipeline.ts";
import { openShopFeed, type ShopFeed } from "./shop-feed.ts";
import { startTraining, type Training } from "./training.ts";

export interface LocalOptions {
  readonly pipeline: RecommenderPipeline;
  /** The text that the resource was read from. */
  readonly resourceText: string;
  readonly dataDir: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Puts the simulated shop in front; `null`: nobody comes by itself. */
  readonly simulation: SimulationOptions | null;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onProgress: (progress: LocalProgress) => void;
}

export interface SimulationOptions {
  /** Of what goes on while somebody watches. */
  readonly eventsPerSecond: number;
  /** Days of activity that the shop of a new folder begins with. */
  readonly historyDays: number;
}

/** What a person who waits for the start sees. */
export type LocalProgress =
  | { readonly step: "opening" }
  | { readonly step: "history"; readonly done: number; readonly total: number }
  | { readonly step: "storing"; readonly left: number }
  | { readonly step: "training"; readonly share: number }
  | { readonly step: "ready" };

export interface RunningLocal {
  readonly address: string;
  /** For pages of the console that change something. */
  readonly adminKey: string;
  readonly pipeline: EmbeddedPipeline;
  readonly recommender: Recommender;
  readonly training: Training;
  /** Rejects when a part fails for good. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/**
 * Runs the whole pipeline in this process: collector, consumer, trainer, recommender and the admin API on one address.
 *
 * @throws LogFolderHeldError, ListenError, MappingError, ClickHouseError
 */
export async function runLocal(options: LocalOptions): Promise<RunningLocal> {
  const { logger, now, onProgress } = options;
  onProgress({ step: "opening" });
  const folder = openDataFolder(options.dataDir);
  const closing: (() => Promise<void> | void)[] = [() => folder.release()];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    folder.writeResource(options.resourceText);
    const pipeline = await openPipeline({ pipeline: options.pipeline, folder, logger, now });
    closing.push(() => pipeline.close());
    const recommender = await openRecommender(pipeline, options);
    closing.push(() => recommender.close());
    const training = await startTraining({ pipeline, logger, now, onMoved: () => recommender.refresh() });
    closing.push(() => training.close());
    const adminKey = newAdminKey();
    const isSimulated = options.simulation !== null;
    const console = await openConsole({ pipeline, recommender, training, adminKey, isSimulated, logger, now });
    closing.push(() => console.close());
    const server = await serve({ pipeline, recommender, training, console, options });
    closing.push(() => server.close());
    folder.announce(server.address);
    const feed = await openFeed(pipeline, folder, options);
    if (feed !== null) closing.push(() => feed.close());
    await firstModel({ pipeline, recommender, training, feed, onProgress });
    feed?.open();
    console.measure();
    onProgress({ step: "ready" });
    const { address } = server;
    return { address, adminKey: adminKey.key, pipeline, recommender, training, failed: pipeline.failed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openRecommender(pipeline: EmbeddedPipeline, options: LocalOptions): Promise<Recommender> {
  const { serving, training } = options.pipeline.spec;
  return startRecommender({
    clickhouse: pipeline.clickhouse,
    log: pipeline.log,
    signalsTopic: pipeline.names.signalsTopic,
    serving: {
      seen: () => serving.seen,
      pinnedVersion: () => serving.model?.pinnedVersion,
      sessionMinutes: serving.sessionMinutes,
      weights: training.weights,
      halfLifeDays: training.halfLifeDays,
    },
    registry: pipeline.registry,
    now: options.now,
    logger: options.logger,
  });
}

interface Parts {
  readonly pipeline: EmbeddedPipeline;
  readonly recommender: Recommender;
  readonly training: Training;
  readonly console: LocalConsole;
  readonly options: LocalOptions;
}

function serve({ pipeline, recommender, training, console, options }: Parts): Promise<RunningServer> {
  const { names, registry, log } = pipeline;
  const application = express();
  application.disable("x-powered-by");
  application.use(
    operations({
      registry,
      readiness: recommender.readiness,
      status: async () => ({
        pipeline: names.key,
        consumer: await pipeline.consumer().status(),
        recommender: recommender.status(),
        training: training.status(),
      }),
    }),
  );
  application.use(
    collectorRouter({
      ...collectorSettings(options.pipeline.spec, names),
      log,
      // Whoever reaches the address may write: by default it is this machine alone.
      writeKeys: () => null,
      registry,
      now: options.now,
      newEventId: randomUUID,
    }),
  );
  application.use(recommender.router);
  application.use(adminRouter(pipeline, training));
  application.use(console.router);
  application.use(notFound);
  application.use(problemHandler(options.logger));
  const { host, port } = options;
  return startServer(application, { host, port, hotPath: recommender.hotPath, traced: true });
}

async function openFeed(
  pipeline: EmbeddedPipeline,
  folder: DataFolder,
  { simulation, logger, now }: LocalOptions,
): Promise<ShopFeed | null> {
  return simulation === null ? null : openShopFeed({ pipeline, folder, ...simulation, logger, now });
}

const STORING_LOOK_MILLISECONDS = 100;

/** Whatever is in the log is stored, and there is a model where the data suffices, before the first answer is shown. */
async function firstModel(parts: {
  readonly pipeline: EmbeddedPipeline;
  readonly recommender: Recommender;
  readonly training: Training;
  readonly feed: ShopFeed | null;
  readonly onProgress: (progress: LocalProgress) => void;
}): Promise<void> {
  const { pipeline, recommender, training, feed, onProgress } = parts;
  await pipeline.syncCatalogue();
  await feed?.writeHistory((done, total) => onProgress({ step: "history", done, total }));
  const look = async () => {
    const { lag } = await pipeline.consumer().status();
    if (lag !== null) onProgress({ step: "storing", left: lag });
  };
  // Whatever goes wrong with a look is also said by `caughtUp`.
  const looking = setInterval(() => look().catch(() => {}), STORING_LOOK_MILLISECONDS);
  await pipeline
    .consumer()
    .caughtUp()
    .finally(() => clearInterval(looking));
  await training.runIfNone((share) => onProgress({ step: "training", share }));
  await recommender.refresh();
}
