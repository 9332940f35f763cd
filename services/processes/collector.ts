/** `productmatcher collector`: activity over HTTP into the log. */
import { randomUUID } from "node:crypto";
import express from "express";
import { collectorRouter, collectorSettings } from "../collector/index.ts";
import { notFound, problemHandler, startServer } from "../http/index.ts";
import { kafkaLog } from "./kafka.ts";
import { watchKeys } from "./keys.ts";
import { LAST_ANSWER_MILLISECONDS, type Role, type RoleContext } from "./role.ts";

/** @throws ListenError when the address cannot be had */
export async function startCollectorRole(context: RoleContext): Promise<Role> {
  const { pipeline, names, registry, live, logger, now, onClose } = context;
  const log = await kafkaLog("collector", context);
  const writeKeys = await watchKeys("write keys", () => live.spec().collector?.writeKeys, context);
  const application = express();
  application.disable("x-powered-by");
  application.use(
    collectorRouter({
      ...collectorSettings(pipeline.spec, names),
      allowedOrigins: () => live.spec().collector?.allowedOrigins ?? [],
      log,
      writeKeys,
      registry,
      now,
      newEventId: randomUUID,
    }),
  );
  application.use(notFound);
  application.use(problemHandler(logger));
  const { host, port, graceMilliseconds } = context;
  const server = await startServer(application, {
    ...{ host, port, graceMilliseconds, lastAnswerMilliseconds: LAST_ANSWER_MILLISECONDS, traced: true },
  });
  onClose(() => server.close());
  return { readiness: () => ({ ready: true }), status: () => ({ details: {}, report: {} }), address: server.address };
}
