/** `productmatcher serve`: recommendations over HTTP. */
import express from "express";
import { notFound, problemHandler, startServer } from "../http/index.ts";
import { type RecommenderStatus, type ServedVersionStatus, startRecommender } from "../recommender/index.ts";
import type { WrittenReport } from "../role-report/index.ts";
import { migratedClickHouse } from "./clickhouse.ts";
import { kafkaLog } from "./kafka.ts";
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
