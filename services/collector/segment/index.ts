/** Segment's messages, as its libraries send them, in ProductMatcher's own JSON. */
import { shown } from "../../activity/index.ts";
import { isObject, isPresent, type OwnRecord, type Reading } from "../own-record.ts";
import { happenedAt } from "./clock.ts";
import { placeInMessage } from "./places.ts";
import { isKnownName, readTrack } from "./track.ts";

export type SegmentType = "track" | "identify" | "page" | "screen" | "group" | "alias";

/** What is known of a message beside itself. */
export interface Delivery {
  /** Of the request, by the client's clock. */
  readonly sentAt: unknown;
  /** Milliseconds since 1970, by ours. */
  readonly receivedAt: number;
  /** Of the browser that sent it; absent for a message that a shop's server passes on. */
  readonly userAgent: string | undefined;
  readonly newEventId: () => string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Names that a message has and an event of our own does not. */
const SEGMENT_FIELDS = [
  "type",
  "messageId",
  "context",
  "timestamp",
  "originalTimestamp",
  "sentAt",
  "traits",
  "integrations",
];
const OWN_FIELDS = ["eventId", "itemId", "occurredAt", "sessionId"];

/** Whether something sent to `/v1/track` is a message of Segment's, and not an event in ProductMatcher's own JSON. */
export function isSegmentMessage(body: unknown): boolean {
  if (!isObject(body)) return false;
  if (OWN_FIELDS.some((field) => Object.hasOwn(body, field))) return false;
  return SEGMENT_FIELDS.some((field) => Object.hasOwn(body, field)) || isKnownName(body.event);
}

/** @param type of the address that it was sent to; `null`: the message says it */
export function readMessage(message: unknown, type: SegmentType | null, delivery: Delivery): Reading {
  if (!isObject(message)) {
    const found = `the message is ${shown(message)}, expected an object`;
    return { id: "", records: [], faults: [{ reason: "not_an_object", path: "", message: found }] };
  }
  const { messageId } = message;
  if (isPresent(messageId) && typeof messageId !== "string" && !Number.isSafeInteger(messageId)) {
    const found = `messageId is ${shown(messageId)}, expected text`;
    return { id: "", records: [], faults: [{ reason: "field_type", path: "messageId", message: found }] };
  }
  const id = isPresent(messageId) ? String(messageId) : delivery.newEventId();
  const said = type ?? message.type;
  if (typeof said !== "string") {
    const found = `a message needs its type (track, identify, page, screen, group or alias), found ${shown(said)}`;
    return { id, records: [], faults: [{ reason: "field_missing", path: "type", message: found }] };
  }
  const read = READERS.get(said);
  return read === undefined ? { id, records: [], faults: [] } : read(message, commonFields(message, id, delivery), id);
}

type MessageReader = (message: Fields, common: Fields, id: string) => Reading;

/** Types of other names are taken and dropped: a newer library must not fail here. */
const READERS: ReadonlyMap<string, MessageReader> = new Map<SegmentType, MessageReader>([
  ["track", readTrack],
  ["identify", readIdentify],
  ["page", (message, common, id) => events(id, { ...common, event: "page", ...visit(message, common) })],
  ["screen", (message, common, id) => events(id, { ...common, event: "screen", ...visit(message, common) })],
  [
    "group",
    ({ groupId, traits }, common, id) =>
      events(id, { ...common, event: "group", properties: { ...fieldsOf(traits), group_id: groupId } }),
  ],
  // One visitor under two names, as a sign-in is.
  ["alias", ({ previousId }, common, id) => events(id, { ...common, event: "identify", anonymousId: previousId })],
]);

function readIdentify({ userId, traits }: Fields, common: Fields, id: string): Reading {
  const identified = events(id, { ...common, event: "identify" });
  if (!isPresent(userId) || !isObject(traits) || Object.keys(traits).length === 0) return identified;
  const { occurredAt } = common;
  const user: OwnRecord = {
    to: "entities",
    // Traits come a few at a time: they are added to what is known of the user.
    body: { kind: "user", userId, attributes: traits, partial: true, updatedAt: occurredAt },
    placeOf: (path) => placeInMessage(path, null),
  };
  return { ...identified, records: [...identified.records, user] };
}

function events(id: string, body: Fields): Reading {
  return { id, records: [{ to: "events", body, placeOf: (path) => placeInMessage(path, null) }], faults: [] };
}

/** A page or screen that was looked at. */
function visit({ name, category, properties }: Fields, { url, referrer }: Fields): Fields {
  const { url: ownUrl, referrer: ownReferrer, ...others } = fieldsOf(properties);
  return {
    url: isPresent(url) ? url : ownUrl,
    referrer: isPresent(referrer) ? referrer : ownReferrer,
    properties: { ...others, ...(isPresent(name) ? { name } : {}), ...(isPresent(category) ? { category } : {}) },
  };
}

function commonFields(message: Fields, id: string, { sentAt, receivedAt, userAgent }: Delivery): Fields {
  const context = fieldsOf(message.context);
  const page = fieldsOf(context.page);
  return {
    eventId: id,
    userId: message.userId,
    anonymousId: message.anonymousId,
    sessionId: context.sessionId,
    occurredAt: happenedAt(message, sentAt, receivedAt),
    url: page.url,
    referrer: page.referrer,
    userAgent: isPresent(context.userAgent) ? context.userAgent : userAgent,
    ipAddress: context.ip,
  };
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}
