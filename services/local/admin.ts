import { Router } from "express";
import { z } from "zod";
import type { TopicSpec } from "../activity/index.ts";
import { countDeadLetters, listDeadLetters, replayDeadLetters, showDeadLetter } from "../consumer/index.ts";
import { jsonBody, methodNotAllowed, problem } from "../http/index.ts";
import type { EmbeddedPipeline } from "./pipeline.ts";
import { countTopics } from "./topic-counts.ts";
import type { Training } from "./training.ts";

const SMALL_BODY = 1_048_576;
/** Batches of a replay; base64 makes them a third larger. */
const RECORDS_BODY = 32 * 1_048_576;

const listQuery = z.object({
  topic: z.string().optional(),
  reason: z.string().optional(),
  resolved: z.enum(["true", "false"]).default("false"),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
  offset: z.coerce.number().int().min(0).default(0),
});

const replayBody = z.object({
  topic: z.string().optional(),
  reason: z.string().optional(),
  ids: z.array(z.string()).optional(),
});

const topicsBody = z.object({
  topics: z.array(z.custom<TopicSpec>((value) => typeof value === "object" && value !== null && "name" in value)),
});

const recordsBody = z.object({
  topic: z.string(),
  records: z.array(
    z.object({
      key: z.string().nullable(),
      valueBase64: z.base64(),
      headers: z.record(z.string(), z.string()),
    }),
  ),
});

/**
 * For people who run the pipeline, and for the commands that look into it. It changes state only by requests with a
 * JSON body, which a page of another origin cannot send unasked.
 */
export function adminRouter(pipeline: EmbeddedPipeline, training: Training): Router {
  const { clickhouse, log } = pipeline;
  const router = Router();
  router
    .route("/admin/dead-letters")
    .get(async (request, response) => {
      const query = listQuery.parse(request.query);
      const filter = { ...defined(query, ["topic", "reason"]), includeResolved: query.resolved === "true" };
      const counts = await countDeadLetters(clickhouse);
      response.json({ counts, deadLetters: await listDeadLetters(clickhouse, filter, query) });
    })
    .all(methodNotAllowed(["GET"]));
  router
    .route("/admin/dead-letters/replay")
    .post(...jsonBody(SMALL_BODY), async (request, response) => {
      const body = replayBody.parse(request.body);
      const filter = { ...defined(body, ["topic", "reason"]), ...(body.ids === undefined ? {} : { ids: body.ids }) };
      response.json({ sent: await replayDeadLetters(clickhouse, log, filter) });
    })
    .all(methodNotAllowed(["POST"]));
  router
    .route("/admin/dead-letters/:id")
    .get(async (request, response) => {
      const letter = await showDeadLetter(clickhouse, request.params.id);
      if (letter !== undefined) response.json(letter);
      else
        problem(response, { type: "not-found", detail: `There is no dead letter with the id ${request.params.id}.` });
    })
    .all(methodNotAllowed(["GET"]));
  router
    .route("/admin/models")
    .get(async (_request, response) => response.json(await training.models()))
    .all(methodNotAllowed(["GET"]));
  router
    .route("/admin/models/train")
    .post(...jsonBody(SMALL_BODY), async (_request, response) => response.json(await training.run()))
    .all(methodNotAllowed(["POST"]));
  router
    .route("/admin/topics")
    .get(async (_request, response) => {
      const topics = pipeline.topics();
      const counts = await countTopics(
        clickhouse,
        topics.map((topic) => topic.name),
      );
      response.json({ topics, counts });
    })
    .post(...jsonBody(SMALL_BODY), async (request, response) => {
      await pipeline.addTopics(topicsBody.parse(request.body).topics);
      response.json({});
    })
    .all(methodNotAllowed(["GET", "POST"]));
  router
    .route("/admin/records")
    .post(...jsonBody(RECORDS_BODY), async (request, response) => {
      const { topic, records } = recordsBody.parse(request.body);
      await log.append(
        topic,
        records.map(({ key, valueBase64, headers }) => ({ key, headers, value: Buffer.from(valueBase64, "base64") })),
      );
      response.json({ appended: records.length });
    })
    .all(methodNotAllowed(["POST"]));
  return router;
}

/** The named fields that are present. */
function defined<T extends object, K extends keyof T>(value: T, keys: readonly K[]): { [P in K]?: NonNullable<T[P]> } {
  const entries = keys.flatMap((key) => (value[key] === undefined ? [] : [[key, value[key]]]));
  return Object.fromEntries(entries);
}
