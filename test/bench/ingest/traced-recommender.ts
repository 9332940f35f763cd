/**
 * A recommender as a process, with traces or without, as it is told: `GET /variant/<name>` on its control address. One
 * process for all, so that nothing else differs. Prints its addresses as JSON once it is warm.
 */
import { context, propagation, trace } from "@opentelemetry/api";
import express from "express";
import { startServer } from "../../../services/http/index.ts";
import { startTracing } from "../../../services/telemetry/index.ts";
import { migratedDatabase } from "../../fixtures/clickhouse.ts";
import { startTestRecommender, temporaryLog } from "../../fixtures/recommender.ts";
import { fillShop, userPaths, warmUp } from "../serving.ts";
import { environmentOf, type Variant } from "../tracing/variants.ts";

const [receiver = ""] = process.argv.slice(2);
const ANY = { host: "127.0.0.1", port: 0 };
const identity = { role: "recommender" };
const clickhouse = await migratedDatabase();
const log = await temporaryLog();
await fillShop(clickhouse, log);

let stopTracing = async () => {};
const control = express().get("/variant/:name", async (request, response) => {
  await stopTracing();
  for (const part of [trace, context, propagation]) part.disable();
  const environment = environmentOf(request.params.name as Variant, receiver);
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  Object.assign(process.env, environment);
  stopTracing = await startTracing({ identity });
  response.end();
});

async function serve(answerBytes: number | undefined) {
  const limits = answerBytes === undefined ? {} : { answerBytes };
  const recommender = await startTestRecommender({ clickhouse, log, limits });
  await warmUp(recommender, userPaths());
  const { hotPath } = recommender;
  // Whether requests can be traced is decided when a server starts. One for all variants; without a receiver it begins no span.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver;
  const stop = await startTracing({ identity });
  const { address } = await startServer(express(), { ...ANY, hotPath, traced: true });
  await stop();
  return address;
}

const addresses = { kept: await serve(undefined), computed: await serve(0) };
console.log(JSON.stringify({ ...addresses, control: (await startServer(control, ANY)).address }));
