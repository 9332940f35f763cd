import { Router } from "express";
import { Counter, type Registry } from "prom-client";
import type { Activity, RecordMapper, Rejection } from "../activity/index.ts";
import type { ActivityLog, OutgoingRecord } from "../activity-log/index.ts";
import { jsonBody, methodNotAllowed, problem } from "../http/index.ts";

export interface CollectorOptions {
  readonly log: ActivityLog;
  /** `<prefix>.events` */
  readonly topic: string;
  /** Of a topic without mapping: ProductMatcher's own JSON. */
  readonly mapper: RecordMapper;
  readonly registry: Registry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newEventId: () => string;
}

/** Of one request; the consumer's own limit of a record is the same. */
const BODY_BYTES = 1_048_576;
const BATCH_EVENTS = 1_000;

/**
 * Takes activity over HTTP: `POST /v1/track` one event, `POST /v1/batch` `{"events": [...]}`. What is answered 200 is
 * durable in the log. An event that would be a dead letter is refused here, where its sender can still mend it.
 */
export function collectorRouter(options: CollectorOptions): Router {
  const events = new Counter({
    name: "productmatcher_collector_events_total",
    help: "Events received, by whether they were accepted",
    labelNames: ["result"],
    registers: [options.registry],
  });

  const collect = async (bodies: readonly unknown[]): Promise<Collected> => {
    const checked = bodies.map((body) => check(body, options));
    const accepted = checked.filter((result) => "record" in result);
    const records = accepted.map((result) => result.record);
    if (records.length > 0) await options.log.append(options.topic, records);
    const rejected = checked.flatMap((result, index) =>
      "rejection" in result ? [{ index, ...result.rejection }] : [],
    );
    events.inc({ result: "accepted" }, accepted.length);
    events.inc({ result: "rejected" }, rejected.length);
    return { eventIds: accepted.map((result) => result.eventId), rejected };
  };

  const router = Router();
  router
    .route("/v1/track")
    .post(...jsonBody(BODY_BYTES), async (request, response) => {
      const { eventIds, rejected } = await collect([request.body]);
      const [fault] = rejected;
      if (fault === undefined) response.json({ eventId: eventIds[0] });
      else problem(response, { type: "invalid-request", detail: fault.message, errors: [pointerError("", fault)] });
    })
    .all(methodNotAllowed(["POST"]));
  router
    .route("/v1/batch")
    .post(...jsonBody(BODY_BYTES), async (request, response) => {
      const bodies: unknown = Array.isArray(request.body) ? request.body : request.body?.events;
      if (!Array.isArray(bodies) || bodies.length === 0 || bodies.length > BATCH_EVENTS) {
        const detail = `The body must be {"events": [...]} with 1 to ${BATCH_EVENTS} events.`;
        return problem(response, { type: "invalid-request", detail });
      }
      const { eventIds, rejected } = await collect(bodies);
      if (eventIds.length > 0) return response.json({ accepted: eventIds.length, rejected });
      problem(response, {
        type: "invalid-request",
        detail: "None of the events was accepted.",
        errors: rejected.map((fault) => pointerError(`/events/${fault.index}`, fault)),
      });
    })
    .all(methodNotAllowed(["POST"]));
  return router;
}

interface Collected {
  readonly eventIds: readonly string[];
  readonly rejected: readonly (Rejection & { readonly index: number })[];
}

type Checked = { readonly record: OutgoingRecord; readonly eventId: string } | { readonly rejection: Rejection };

/** An event without an id gets one here, so that a repeat inside the pipeline is seen as one. */
function check(body: unknown, { mapper, topic, now, newEventId }: CollectorOptions): Checked {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const inexact = isObject ? inexactId(body) : null;
  if (inexact !== null) return { rejection: inexact };
  const named = isObject && !("eventId" in body && body.eventId) ? { ...body, eventId: newEventId() } : body;
  const text = jsonText(named);
  if (text === null) return { rejection: TOO_DEEP };
  const value = Buffer.from(text);
  const time = now();
  const record = { topic, partition: 0, offset: 0, value, headers: {}, timestamp: time };
  const { activities, rejection } = mapper.map(record, time);
  if (rejection !== null) return { rejection };
  const [activity] = activities;
  if (activity?.kind !== "event") throw new Error(`the collector's topic ${topic} must hold events`);
  return { record: { key: keyOf(activity), value, timestamp: time }, eventId: activity.event.eventId };
}

const TOO_DEEP: Rejection = {
  reason: "malformed_json",
  path: "",
  message: "the event is nested too deeply: flatten it",
};

/** `null` for what is nested more deeply than the engine can write. */
function jsonText(value: unknown): string | null {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const ID_FIELDS = ["eventId", "userId", "anonymousId", "sessionId", "itemId"];

/** JSON was parsed before it came here: an integer above 2^53 has lost its last digits and would be another's id. */
function inexactId(body: object): Rejection | null {
  for (const [field, value] of Object.entries(body)) {
    if (!ID_FIELDS.includes(field) || !Number.isInteger(value) || Number.isSafeInteger(value)) continue;
    const message = `${field} is a number above ${Number.MAX_SAFE_INTEGER}: send it as text`;
    return { reason: "field_type", path: field, message };
  }
  return null;
}

/** Events of one visitor keep their order. */
function keyOf({ event }: Extract<Activity, { kind: "event" }>): string {
  return event.userId || event.anonymousId || event.sessionId;
}

function pointerError(base: string, fault: Rejection) {
  const path = fault.path === "" || fault.path.startsWith("/") ? fault.path : `/${fault.path.replaceAll(".", "/")}`;
  return { pointer: `${base}${path}`, detail: fault.message };
}
