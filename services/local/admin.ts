import { type Response, Router } from "express";
import { z } from "zod";
import { MappingError, type TopicSpec } from "../activity/index.ts";
import { countDeadLetters, listDeadLetters, showDeadLetter } from "../clickhouse/index.ts";
import { replayDeadLetters, replayFromTopic } from "../consumer/index.ts";
import { jsonBody, methodNotAllowed, problem } from "../http/index.ts";
import { type Moved, VersionRefusedError } from "../trainer/index.ts";
import type { EmbeddedPipeline } from "./pipeline.ts";
import { countTopics } from "./topic-counts.ts";
import type { Training } from "./training.ts";

const SMALL_BODY = 1_048_576;
/** Batches of a replay; base64 makes them a third larger. */
const RECORDS_BODY = 32 * 1_048_576;

const listQuery = z.strictObject({
  topic: z.string().optional(),
  reason: z.string().optional(),
  resolved: z.enum(["true", "false"]).default("false"),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
  offset: z.coerce.number().int().min(0).default(0),
});

/** Strict, and no empty list of ids: a slip of the pen must not mean "all". */
const replayBody = z.strictObject({
  from: z.enum(["clickhouse", "topic"]).default("clickhouse"),
  topic: z.string().optional(),
  reason: z.string().optional(),
  ids: z.array(z.string()).min(1).optional(),
});

const promoteBody = z.strictObject({ version: z.string().min(1) });

const texts = z.record(z.string(), z.string());

/** The shape alone; whether a mapping can work is judged where it is compiled. */
const topicsBody = z.strictObject({
  topics: z.array(
    z.looseObject({
      name: z.string().min(1),
      record: z.enum(["Event", "Item", "User"]),
      event: z.string().optional(),
      mapping: z
        .looseObject({
          forEach: z.string().optional(),
          fields: texts,
          constants: texts.optional(),
          eventNames: texts.optional(),
          occurredAt: z
            .looseObject({
              path: z.string(),
              format: z.enum(["ISO8601", "EpochSeconds", "EpochMillis", "EpochMicros", "Pattern"]),
              pattern: z.string().optional(),
              timeZone: z.string(),
            })
            .optional(),
        })
        .optional(),
    }) satisfies z.ZodType<TopicSpec>,
  ),
});

const recordsBody = z.strictObject({
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
      const query = checked(listQuery, request.query, response, "parameter");
      if (query === null) return;
      const filter = { ...defined(query, ["topic", "reason"]), includeResolved: query.resolved === "true" };
      const counts = await countDeadLetters(clickhouse);
      response.json({ counts, deadLetters: await listDeadLetters(clickhouse, filter, query) });
    })
    .all(methodNotAllowed(["GET"]));
  router
    .route("/admin/dead-letters/replay")
    .post(...jsonBody(SMALL_BODY), async (request, response) => {
      const body = checked(replayBody, request.body, response, "pointer");
      if (body === null) return;
      const filter = defined(body, ["topic", "reason", "ids"]);
      if (body.from === "topic") response.json(await replayFromTopic(log, pipeline.names.deadLettersTopic, filter));
      else response.json({ sent: await replayDeadLetters(clickhouse, log, filter), withoutValue: 0 });
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
    .route("/admin/models/promote")
    .post(...jsonBody(SMALL_BODY), async (request, response) => {
      const body = checked(promoteBody, request.body, response, "pointer");
      if (body !== null) await moved(response, training.promote(body.version));
    })
    .all(methodNotAllowed(["POST"]));
  router
    .route("/admin/models/rollback")
    .post(...jsonBody(SMALL_BODY), async (_request, response) => moved(response, training.rollBack()))
    .all(methodNotAllowed(["POST"]));
  router
    .route("/admin/topics")
    .get(async (_request, response) => {
      const topics = pipeline.topics();
      const names = [pipeline.names.eventsTopic, ...topics.map((topic) => topic.name)];
      const counts = await countTopics(clickhouse, names);
      response.json({ topics, counts });
    })
    .post(...jsonBody(SMALL_BODY), async (request, response) => {
      const body = checked(topicsBody, request.body, response, "pointer");
      if (body === null) return;
      try {
        await pipeline.addTopics(body.topics);
      } catch (error) {
        if (!(error instanceof MappingError)) throw error;
        return problem(response, { type: "invalid-request", detail: error.message });
      }
      response.json({});
    })
    .all(methodNotAllowed(["GET", "POST"]));
  router
    .route("/admin/lag")
    .get(async (_request, response) => response.json({ partitions: await pipeline.lag() }))
    .all(methodNotAllowed(["GET"]));
  router
    .route("/admin/records")
    .post(...jsonBody(RECORDS_BODY), async (request, response) => {
      const body = checked(recordsBody, request.body, response, "pointer");
      if (body === null) return;
      const { topic, records } = body;
      await log.append(
        topic,
        records.map(({ key, valueBase64, headers }) => ({ key, headers, value: Buffer.from(valueBase64, "base64") })),
      );
      response.json({ appended: records.length });
    })
    .all(methodNotAllowed(["POST"]));
  return router;
}

async function moved(response: Response, move: Promise<Moved>): Promise<void> {
  try {
    response.json(await move);
  } catch (error) {
    if (!(error instanceof VersionRefusedError)) throw error;
    problem(response, { type: "conflict", detail: error.message });
  }
}

/** What a request says, by its schema; `null` when it is at fault, which the response then says. */
function checked<T>(
  schema: z.ZodType<T>,
  value: unknown,
  response: Response,
  where: "parameter" | "pointer",
): T | null {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  problem(response, {
    type: "invalid-request",
    detail: `The ${where === "parameter" ? "query" : "body"} is not as this address takes it.`,
    errors: result.error.issues.map(({ path, message }) =>
      where === "parameter"
        ? { parameter: path.join("."), detail: message }
        : { pointer: path.map((segment) => `/${String(segment)}`).join(""), detail: message },
    ),
  });
  return null;
}

/** The named fields that are present. */
function defined<T extends object, K extends keyof T>(value: T, keys: readonly K[]): { [P in K]?: NonNullable<T[P]> } {
  const entries = keys.flatMap((key) => (value[key] === undefined ? [] : [[key, value[key]]]));
  return Object.fromEntries(entries);
}
