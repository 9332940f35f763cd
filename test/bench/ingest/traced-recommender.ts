/** A recommender as a process, with traces as its environment says; prints its two addresses as JSON once it is warm. */
import express from "express";
import { pino } from "pino";
import { Registry } from "prom-client";
import { startServer } from "../../../services/http/index.ts";
import { startRecommender } from "../../../services/recommender/index.ts";
import { startTracing } from "../../../services/telemetry/index.ts";
import { migratedDatabase } from "../../fixtures/clickhouse.ts";
import { SIGNALS_TOPIC, temporaryLog } from "../../fixtures/recommender.ts";
import { fillShop, userPaths, warmUp } from "../serving.ts";

await startTracing({ identity: { role: "recommender" } });
const clickhouse = await migratedDatabase();
const log = await temporaryLog();
await fillShop(clickhouse, log);

async function serve(answerBytes: number | undefined): Promise<string> {
  const recommender = await startRecommender({
    clickhouse,
    log,
    signalsTopic: SIGNALS_TOPIC,
    serving: {
      seen: () => "Decay",
      pinnedVersion: () => undefined,
      sessionMinutes: 120,
      weights: { view: 1 },
      halfLifeDays: 30,
    },
    limits: answerBytes === undefined ? {} : { answerBytes },
    registry: new Registry(),
    now: Date.now,
    logger: pino({ level: "error" }),
  });
  await warmUp(recommender, userPaths());
  const { hotPath } = recommender;
  const server = await startServer(express(), { host: "127.0.0.1", port: 0, hotPath, traced: true });
  return server.address;
}

console.log(JSON.stringify({ kept: await serve(undefined), computed: await serve(0) }));
