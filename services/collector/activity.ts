import { type Request, type RequestHandler, type Response, Router } from "express";
import { shown } from "../activity/index.ts";
import { crossOrigin, methodNotAllowed, problem, Refusal } from "../http/index.ts";
import { checkEntries, type Entries, pointerError } from "./entries.ts";
import type { Intake } from "./intake.ts";
import type { CollectorOptions } from "./options.ts";
import { asItIs, isObject, isPresent, type Reading } from "./own-record.ts";
import { type Delivery, isSegmentMessage, readMessage, type SegmentType } from "./segment/index.ts";

/** `text/plain`: what a page may send to another origin without asking first, as beacons do. */
const BODY_TYPES = ["application/json", "text/plain"];

/** Addresses of one message each, the short ones as Segment's library for browsers has them. */
const MESSAGE_PATHS: readonly (readonly [SegmentType, readonly string[]])[] = [
  ["track", ["/v1/track", "/v1/t"]],
  ["identify", ["/v1/identify", "/v1/i"]],
  ["page", ["/v1/page", "/v1/p"]],
  ["screen", ["/v1/screen", "/v1/s"]],
  ["group", ["/v1/group", "/v1/g"]],
  ["alias", ["/v1/alias", "/v1/a"]],
];
const BATCH_PATHS = ["/v1/batch", "/v1/b", "/v1/import"];

/** Takes activity in: ProductMatcher's own JSON and Segment's messages, one by one or many at once. */
export function activityRouter(options: CollectorOptions, intake: Intake): Router {
  const { limits } = intake;
  const browsers = crossOrigin({
    allowedOrigins: options.allowedOrigins,
    methods: ["POST"],
    headers: ["Authorization", "Content-Type", "Content-Encoding", "traceparent", "tracestate"],
  });
  const router = Router();
  const post = (endpoint: string, paths: readonly string[], handle: Handler) => {
    const rules = { endpoint, scope: "Activity", types: BODY_TYPES } as const;
    const handler: RequestHandler = async (request, response) => {
      const { answer } = await intake.run(request, response, rules, (body) => handle(body, request));
      answer(response);
    };
    for (const path of paths) {
      const route = router.route(path).all(browsers).post(handler);
      route.all(methodNotAllowed(["POST"]));
    }
  };
  const read = (
    body: unknown,
    bodies: readonly unknown[],
    readOne: (entry: unknown, delivery: Delivery) => Reading,
    request: Request,
  ) => {
    const now = options.now();
    const delivery: Delivery = {
      sentAt: isObject(body) ? body.sentAt : undefined,
      receivedAt: now,
      // A shop's server passes on what shoppers did: its own name says nothing of them.
      userAgent: request.headers.origin === undefined ? undefined : request.headers["user-agent"],
      newEventId: options.newEventId,
    };
    return checkEntries(bodies, (entry) => readOne(entry, delivery), options, limits, now);
  };

  for (const [type, paths] of MESSAGE_PATHS) {
    post(type, paths, (body, request) => {
      const isOwn = type === "track" && !isSegmentMessage(body);
      const readOne = isOwn ? readOwn : (entry: unknown, delivery: Delivery) => readMessage(entry, type, delivery);
      const entries = read(body, [body], readOne, request);
      return { entries, answer: (response) => answerOne(response, entries) };
    });
  }
  post("batch", BATCH_PATHS, (body, request) => {
    const { bodies, base } = listIn(body, limits.batchEntries);
    const readOne = base === "/batch" ? readSegment : readEither;
    const entries = read(body, bodies, readOne, request);
    return { entries, answer: (response) => answerMany(response, entries, base) };
  });
  return router;
}

type Handler = (
  body: unknown,
  request: Request,
) => { readonly entries: Entries; readonly answer: (response: Response) => void };

/** An event without an id gets one here, so that a repeat inside the pipeline is seen as one. */
function readOwn(body: unknown, { newEventId }: Delivery): Reading {
  if (!isObject(body)) {
    const message = `the event is ${shown(body)}, expected a JSON object`;
    return { id: "", records: [], faults: [{ reason: "not_an_object", path: "", message }] };
  }
  const { writeKey, ...event } = body;
  const named = isPresent(event.eventId) ? event : { ...event, eventId: newEventId() };
  return { id: String(named.eventId), records: [{ to: "events", body: named, placeOf: asItIs }], faults: [] };
}

function readSegment(message: unknown, delivery: Delivery): Reading {
  return readMessage(message, null, delivery);
}

function readEither(entry: unknown, delivery: Delivery): Reading {
  if (!isSegmentMessage(entry)) return readOwn(entry, delivery);
  return readMessage(entry, isObject(entry) && isPresent(entry.type) ? null : "track", delivery);
}

/** @throws Refusal for a body without a list, or one that is empty or too long */
function listIn(body: unknown, limit: number): { readonly bodies: readonly unknown[]; readonly base: string } {
  const found = isObject(body) ? (["events", "batch"] as const).find((name) => Array.isArray(body[name])) : undefined;
  const bodies = isObject(body) && found !== undefined ? body[found] : body;
  if (Array.isArray(bodies) && bodies.length > 0 && bodies.length <= limit) {
    return { bodies, base: found === undefined ? "" : `/${found}` };
  }
  const detail = `The body must be {"events": [...]}, or {"batch": [...]} as Segment's libraries send it, with 1 to ${limit} entries.`;
  throw new Refusal({ type: "invalid-request", detail });
}

function answerOne(response: Response, { accepted, rejected, ignored }: Entries): void {
  const [fault] = rejected;
  const [entry] = accepted;
  if (entry !== undefined) response.json({ eventId: entry.id, ...(fault === undefined ? {} : { rejected }) });
  else if (fault === undefined) response.json({ ignored });
  else problem(response, { type: "invalid-request", detail: fault.message, errors: [pointerError("", fault)] });
}

function answerMany(response: Response, { accepted, rejected, ignored }: Entries, base: string): void {
  if (accepted.length + ignored > 0) {
    response.json({ accepted: accepted.length, rejected, ...(ignored === 0 ? {} : { ignored }) });
    return;
  }
  problem(response, {
    type: "invalid-request",
    detail: "None of the events was accepted.",
    errors: rejected.map((fault) => pointerError(`${base}/${fault.index}`, fault)),
  });
}
