import { RECORD_ID_HEADER } from "../../activity-log/index.ts";
import { type Activity, EVENT_NAMES } from "../event.ts";
import type { Privacy } from "../privacy.ts";
import { compileDynamicFields, NO_FIELDS, setField } from "./dynamic-fields.ts";
import { readOccurredAt, readRecordTime } from "./read-time.ts";
import type { Reading } from "./reading.ts";
import type { Sources } from "./sources.ts";
import { MappingError, type TopicSpec } from "./topic-spec.ts";
import {
  isStorable,
  MAX_CHARACTERS,
  missing,
  placeOf,
  readAnyAsText,
  readCurrency,
  readId,
  readPrice,
  readQuantity,
  readText,
  type Source,
} from "./values.ts";

/** Fields of `mapping.fields` of a topic of events; `properties.` stands for `properties.<name>`. */
export const EVENT_FIELDS = [
  "eventId",
  "event",
  "userId",
  "anonymousId",
  "sessionId",
  "itemId",
  "price",
  "quantity",
  "currency",
  "url",
  "referrer",
  "userAgent",
  "ipAddress",
  "properties.",
] as const;

const STANDARD_EVENTS: ReadonlySet<string> = new Set(EVENT_NAMES);
const ACTOR_FIELDS = ["userId", "anonymousId", "sessionId"] as const;
const PROPERTY_PREFIX = "properties.";
/** The property that says which order an event belongs to: a refund that names it needs no item. */
export const ORDER_PROPERTY = "order_id";

/** Turns the current line of a reading into an activity; `null` when it has a fault, which the reading then knows. */
export type LineReader = (reading: Reading) => Activity | null;

/**
 * Compiles the reader of events.
 *
 * @throws MappingError when no event can come of the mapping.
 */
export function compileEventReader(topic: TopicSpec, sources: Sources, privacy: Privacy): LineReader {
  const source = (field: (typeof EVENT_FIELDS)[number]) => sources.byField.get(field) ?? null;
  const [eventId, price, quantity, currency] = [
    source("eventId"),
    source("price"),
    source("quantity"),
    source("currency"),
  ];
  const [userId, anonymousId, sessionId, itemId] = [
    source("userId"),
    source("anonymousId"),
    source("sessionId"),
    source("itemId"),
  ];
  const [url, referrer] = [source("url"), source("referrer")];
  const userAgent = privacy.keepsUserAgent ? source("userAgent") : null;
  const ipAddress = privacy.keepsIpAddress ? source("ipAddress") : null;
  const actors = ACTOR_FIELDS.flatMap((field) => sources.byField.get(field) ?? []);
  const readName = compileName(topic, sources);
  const readProperties = compileProperties(topic, sources);
  checkMapping(topic, sources);

  return (reading) => {
    const named = readName(reading);
    const id = readId(reading, eventId) || recordId(reading);
    const user = readId(reading, userId);
    const anonymous = readId(reading, anonymousId);
    const session = readId(reading, sessionId);
    if (user === "" && anonymous === "" && session === "") missingActor(reading, actors);
    const item = readId(reading, itemId);
    const isOfOrder = item === "" && named === "refund" && readProperties(reading)[ORDER_PROPERTY] !== undefined;
    if (item === "" && itemId !== null && STANDARD_EVENTS.has(named) && !isOfOrder) {
      missing(reading, itemId, `a ${named} needs the item it concerns (itemId)`);
    }
    const pieces = readQuantity(reading, quantity);
    const event = {
      eventId: reading.index < 0 ? id : `${id}#${reading.index}`,
      event: pieces < 0 && named === "purchase" ? "refund" : named,
      userId: user,
      anonymousId: anonymous,
      sessionId: session,
      itemId: item,
      occurredAt: readEventTime(reading, sources),
      price: readPrice(reading, price),
      quantity: Math.abs(pieces),
      currency: readCurrency(reading, currency),
      url: readText(reading, url, MAX_CHARACTERS.text),
      referrer: readText(reading, referrer, MAX_CHARACTERS.text),
      userAgent: privacy.userAgent(readText(reading, userAgent, MAX_CHARACTERS.text)),
      ipAddress: privacy.ipAddress(readText(reading, ipAddress, MAX_CHARACTERS.id)),
      properties: readProperties(reading),
    };
    if (pieces < 0 && event.event !== "refund" && quantity !== null) {
      const message = `quantity is ${pieces}: only purchases and refunds may have pieces that come back`;
      reading.reject("field_type", placeOf(reading, quantity), message);
    }
    if (event.eventId.length > MAX_CHARACTERS.id) {
      const place = eventId === null ? "" : placeOf(reading, eventId);
      reading.reject(
        "field_too_long",
        place,
        `eventId with the line's number is longer than ${MAX_CHARACTERS.id} characters`,
      );
    }
    return reading.faulty ? null : { kind: "event", event };
  };
}

/** When a record's content is dated: its own time, else that of the log record. */
export function readEventTime(reading: Reading, { time }: Sources): number {
  if (time === null) return readRecordTime(reading);
  const occurredAt = readOccurredAt(reading, time.source, time.parser);
  if (!Number.isNaN(occurredAt) || reading.faulty) return occurredAt;
  if (!time.isRequired) return readRecordTime(reading);
  missing(reading, time.source, "the mapping says where the time is (occurredAt)");
  return occurredAt;
}

function checkMapping(topic: TopicSpec, { byField }: Sources): void {
  if (!ACTOR_FIELDS.some((field) => byField.has(field))) {
    throw new MappingError(topic.name, "mapping.fields", "map at least one of userId, anonymousId and sessionId");
  }
  if (topic.event === undefined && !byField.has("event")) {
    throw new MappingError(
      topic.name,
      "event",
      "name the event: event for a fixed name, or mapping.fields.event for a path",
    );
  }
  if (topic.event !== undefined && STANDARD_EVENTS.has(topic.event) && !byField.has("itemId")) {
    throw new MappingError(topic.name, "mapping.fields", `map itemId: a ${topic.event} concerns an item`);
  }
}

function compileName(topic: TopicSpec, { byField }: Sources): (reading: Reading) => string {
  const fixed = topic.event;
  if (fixed !== undefined) return () => fixed;
  const names = new Map(Object.entries(topic.mapping?.eventNames ?? {}));
  const source = byField.get("event") ?? null;
  return (reading) => {
    const theirs = readText(reading, source, MAX_CHARACTERS.id);
    if (theirs === "" && source !== null) missing(reading, source, "an event needs a name (event)");
    return names.get(theirs) ?? theirs;
  };
}

function compileProperties(
  topic: TopicSpec,
  { byField }: Sources,
): (reading: Reading) => Readonly<Record<string, string>> {
  if (topic.mapping === undefined) return compileDynamicFields("properties", new Set());
  const properties = [...byField.values()]
    .filter(({ field }) => field.startsWith(PROPERTY_PREFIX))
    .map((source) => ({ name: source.field.slice(PROPERTY_PREFIX.length), source }));
  if (properties.length === 0) return () => NO_FIELDS;
  return (reading) => {
    const values: Record<string, string> = {};
    for (const { name, source } of properties) setField(values, name, readAnyAsText(reading, source));
    return values;
  };
}

function recordId(reading: Reading): string {
  const { topic, partition, offset, headers } = reading.record;
  const given = headers[RECORD_ID_HEADER];
  if (given === undefined || given === "") return `${topic}/${partition}/${offset}`;
  if (isStorable(given, MAX_CHARACTERS.id)) return given;
  const message = `the header ${RECORD_ID_HEADER} holds NUL or is longer than ${MAX_CHARACTERS.id} characters`;
  reading.reject(given.length > MAX_CHARACTERS.id ? "field_too_long" : "invalid_character", "", message);
  return "";
}

function missingActor(reading: Reading, actors: readonly Source[]): void {
  const paths = actors.flatMap(({ path }) => path ?? []);
  const [first] = paths;
  if (first === undefined) return;
  const names = paths.map(({ text }) => text).join(", ");
  const message = `an event needs one of userId, anonymousId and sessionId, and there is nothing in ${names}; ${reading.describeKeys()}`;
  reading.reject("field_missing", reading.locate(first), message);
}
