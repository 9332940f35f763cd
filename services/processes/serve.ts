/** `productmatcher serve`: recommendations over HTTP. */
import express from "express";
import type { ActivityLog } from "../activity-log/index.ts";
import type { Console } from "../console/index.ts";
import { notFound, problemHandler, startServer } from "../http/index.ts";
import {
  type Recommender,
  type RecommenderStatus,
  type ServedVersionStatus,
  startRecommender,
} from "../recommender/index.ts";
import type { WrittenReport } from "../role-report/index.ts";
import { migratedClickHouse } from "./clickhouse.ts";
import { type ConsoleConnections, PAGE_SECONDS, pipelineConsole } from "./console.ts";
import { kafkaLog } from "./kafka.ts";
import { watchKeys } from "./keys.ts";
import { recommenderProblems } from "./problems.ts";
import { LAST_ANSWER_MILLISECONDS, type Role, type RoleContext } from "./role.ts";

/** @throws ListenError when the address cannot be had */
export async function startServeRole(context: RoleContext): Promise<Role> {
  const { pipeline, names, registry, startup, live, logger, now, onClose } = context;
  const { serving, training } = pipeline.spec;
  const open = await migratedClickHouse(context);
  const log = await kafkaLog("recommender", context);
  const recommender = await startup.step("Sink", "reading models and catalogue", async () =>
    startRecommender({
      clickhouse: await open(),
      log,
      signalsTopic: names.signalsTopic,
      serving: {
        seen: () => live.spec().serving.seen,
        pinnedVersion: () => live.spec().serving.model?.pinnedVersion,
        sessionMinutes: serving.sessionMinutes,
        weights: training.weights,
        halfLifeDays: training.halfLifeDays,
      },
      registry,
      now,
      logger,
    }),
  );
  onClose(() => recommender.close());
  const application = express();
  application.disable("x-powered-by");
  application.use(recommender.router);
  const connections = { pages: await open(PAGE_SECONDS), actions: await open() };
  const console = await openConsole(context, { recommender, log, connections });
  console.measure();
  onClose(() => console.close());
  application.use(console.router);
  application.use(notFound);
  application.use(problemHandler(logger));
  const { host, port, graceMilliseconds } = context;
  const server = await startServer(application, {
    ...{ host, port, graceMilliseconds, hotPath: recommender.hotPath },
    ...{ lastAnswerMilliseconds: LAST_ANSWER_MILLISECONDS, traced: true },
  });
  onClose(() => server.close());
  return {
    readiness: recommender.readiness,
    status: () => {
      const status = recommender.status();
      return { details: { recommender: status }, report: reportOf(status) };
    },
    address: server.address,
  };
}

const NO_ADMIN_KEY =
  "Add a key with the scope Admin to serving.apiKeys of the resource, and put it into the Secret that it names: it acts without a restart.";

interface ConsoleParts {
  readonly recommender: Recommender;
  readonly log: ActivityLog;
  readonly connections: ConsoleConnections;
}

async function openConsole(context: RoleContext, parts: ConsoleParts): Promise<Console> {
  const { pipeline, names, live, logger, now } = context;
  const { jwt } = pipeline.spec.serving;
  const adminKeys = () => live.spec().serving.apiKeys?.filter(({ scopes }) => scopes?.includes("Admin"));
  const keys = await watchKeys("admin keys", adminKeys, context);
  return pipelineConsole({
    ...parts,
    pipeline: names.key,
    access: {
      keys: () => keys() ?? [],
      // Where no caller needs a key the API tells as much of users; one that is exposed needs keys or tokens.
      isOpen: () => live.spec().serving.apiKeys === undefined && jwt === undefined,
      howToEnable: NO_ADMIN_KEY,
    },
    others: async () => ({ consumer: null, training: null, collects: null }),
    pinned: () => live.spec().serving.model?.pinnedVersion,
    act: null,
    logger,
    now,
  });
}

function reportOf(status: RecommenderStatus): WrittenReport {
  const { models, signals, latencyMilliseconds } = status;
  return {
    problems: recommenderProblems(status),
    ...(models.champion === undefined ? {} : { model: modelReport(models.champion) }),
    ...(latencyMilliseconds === null ? {} : { latencyMilliseconds }),
    ...(signals.freshnessMilliseconds === null
      ? {}
      : { source: { freshnessMilliseconds: signals.freshnessMilliseconds } }),
  };
}

function modelReport({ score, ...served }: ServedVersionStatus): WrittenReport["model"] {
  return score === null ? served : { ...served, metric: score.metric, score: score.value.toFixed(4) };
}
