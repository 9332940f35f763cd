import { Cron } from "croner";
import type { Logger } from "pino";
import { type ClickHouse, openClickHouse, readAliases } from "../clickhouse/index.ts";
import {
  type Moved,
  promote,
  type Registry,
  readRegistry,
  rollBack,
  STATEMENT_BYTES,
  type TrainingResult,
  train,
} from "../trainer/index.ts";
import type { EmbeddedPipeline } from "./pipeline.ts";

export interface TrainingOptions {
  readonly pipeline: EmbeddedPipeline;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** When other versions are to be served than before. */
  readonly onMoved: () => Promise<void>;
}

export interface TrainingStatus {
  readonly running: boolean;
  /** ISO 8601; `null` while training is suspended. */
  readonly nextRunAt: string | null;
  readonly lastResult: string | null;
}

export interface Training {
  models(): Promise<Registry>;
  /** Has the version answer users. @throws VersionRefusedError */
  promote(version: string): Promise<Moved>;
  /** Has the version answer users that did so before. @throws VersionRefusedError */
  rollBack(): Promise<Moved>;
  /** Trains now; joins a run under way. @throws ClickHouseError */
  run(onProgress?: (share: number) => void): Promise<TrainingResult>;
  /** Trains where no model was published yet. */
  runIfNone(onProgress: (share: number) => void): Promise<void>;
  status(): TrainingStatus;
  close(): Promise<void>;
}

/** Half-hourly; on a cluster the operator derives the minute from the resource, here nobody else is at :00. */
const DEFAULT_SCHEDULE = "*/30 * * * *";

/** Trains on the resource's schedule, in this process, on a connection of its own. */
export async function startTraining(options: TrainingOptions): Promise<Training> {
  const { pipeline, logger, now } = options;
  const { training: spec, serving, objectives } = pipeline.pipeline.spec;
  const pinnedVersion = serving.model?.pinnedVersion;
  const clickhouse: ClickHouse = await openClickHouse(pipeline.clickhouse.target, pipeline.clickhouse.database, {
    statementBytes: STATEMENT_BYTES,
  });
  let underWay: Promise<TrainingResult> | null = null;
  let lastResult: string | null = null;

  const trainOnce = async (onProgress: (share: number) => void) => {
    const result = await train(clickhouse, spec, {
      now,
      log: logger,
      onProgress: ({ share }) => onProgress(share),
      ...(pinnedVersion === undefined ? {} : { pinnedVersion }),
      maxRankMilliseconds: objectives.latencyMilliseconds,
    });
    lastResult = result.result;
    if (result.versions.some(({ status }) => status === "published")) await options.onMoved();
    return result;
  };
  const run = (onProgress: (share: number) => void = () => {}) => {
    underWay ??= trainOnce(onProgress).finally(() => {
      underWay = null;
    });
    return underWay;
  };

  const moved = async (move: Promise<Moved>) => {
    const done = await move;
    await options.onMoved();
    return done;
  };

  const schedule = new Cron(
    spec.schedule ?? DEFAULT_SCHEDULE,
    { timezone: spec.timeZone, paused: spec.suspend, protect: true },
    () => {
      run().catch((error: unknown) => logger.error({ err: error }, "training failed; the next run tries again"));
    },
  );

  return {
    run,
    models: () => readRegistry(pipeline.clickhouse),
    promote: (version) => moved(promote(pipeline.clickhouse, version, now())),
    rollBack: () => moved(rollBack(pipeline.clickhouse, now())),
    async runIfNone(onProgress) {
      if ((await readAliases(pipeline.clickhouse)).size === 0) await run(onProgress);
    },
    status: () => ({
      running: underWay !== null,
      nextRunAt: spec.suspend ? null : (schedule.nextRun()?.toISOString() ?? null),
      lastResult,
    }),
    async close() {
      schedule.stop();
      await underWay?.catch(() => {});
      await clickhouse.close();
    },
  };
}
