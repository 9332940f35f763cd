import type { Activity, RecordMapper, Rejection } from "../activity/index.ts";
import type { OutgoingRecord } from "../activity-log/index.ts";
import type { OwnRecord } from "./own-record.ts";

export type Checked = { readonly record: OutgoingRecord } | { readonly rejection: Rejection };

/**
 * Whether the consumer will accept a record, by the consumer's own rules: what would be a dead letter is refused while
 * its sender is still there to mend it.
 *
 * @param now milliseconds since 1970
 */
export function check({ body, placeOf }: OwnRecord, topic: string, mapper: RecordMapper, now: number): Checked {
  const refused = (fault: Rejection) => ({ rejection: { ...fault, path: placeOf(fault.path) } });
  const text = jsonText(body);
  const fault = text === null ? TOO_DEEP : inexactId(body);
  if (text === null || fault !== null) return refused(fault ?? TOO_DEEP);
  const value = Buffer.from(text);
  const record = { topic, partition: 0, offset: 0, value, headers: {}, timestamp: now };
  const { activities, rejection } = mapper.mapParsed(record, { text, root: body }, now);
  const [activity] = activities;
  if (rejection !== null) return refused(rejection);
  if (activity === undefined) throw new Error(`the mapper of ${topic} must make one activity of each record`);
  return { record: { key: keyOf(activity), value, timestamp: now } };
}

/**
 * Events of one visitor keep their order. Of entities a compacted topic keeps the last record of a key: one that only
 * adds to a user has another, so as not to push out one that holds everything.
 */
function keyOf(activity: Activity): string {
  if (activity.kind === "event") {
    const { userId, anonymousId, sessionId } = activity.event;
    return userId || anonymousId || sessionId;
  }
  if (activity.kind === "item") return `item:${activity.item.itemId}`;
  return `${activity.user.whole ? "user" : "traits"}:${activity.user.userId}`;
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
function inexactId(body: OwnRecord["body"]): Rejection | null {
  for (const field of ID_FIELDS) {
    const value = body[field];
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) continue;
    const message = `${field} is a number above ${Number.MAX_SAFE_INTEGER}: send it as text`;
    return { reason: "field_type", path: field, message };
  }
  return null;
}
