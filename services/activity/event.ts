/**
 * The activity of a shop as every role sees it: what a mapped record becomes, whatever shape its topic had.
 */
import { anonymousActor } from "./identity.ts";

/** Event names that ProductMatcher knows; a shop may use others of its own. */
export const EVENT_NAMES = [
  "view",
  "click",
  "add_to_cart",
  "remove_from_cart",
  "purchase",
  "refund",
  "impression",
  "rating",
] as const;

/** One thing that one actor did, checked and in canonical form. Absent text is `""`, absent numbers are `null`. */
export interface ActivityEvent {
  /** Natural key: the same id sent again is the same event. At most 512 characters. */
  readonly eventId: string;
  /** One of EVENT_NAMES, or a name of the shop's own. A `purchase` of a negative quantity arrives here as `refund`. */
  readonly event: string;
  readonly userId: string;
  readonly anonymousId: string;
  readonly sessionId: string;
  /** `""` only for events of the shop's own that concern no item, and for the refund of a whole order (`properties.order_id`). */
  readonly itemId: string;
  /** Milliseconds since 1970, UTC; within 2000-01-01 and one day ahead of the clock. */
  readonly occurredAt: number;
  /** Of one piece, in `currency`. */
  readonly price: number | null;
  /** Pieces, at least 1. */
  readonly quantity: number;
  /** ISO 4217, `""` when not given. */
  readonly currency: string;
  readonly url: string;
  readonly referrer: string;
  /** After the pipeline's privacy rules. */
  readonly userAgent: string;
  /** After the pipeline's privacy rules. */
  readonly ipAddress: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** A change to the catalogue; a field that is `undefined` was not in the record. */
export interface ItemRecord {
  readonly itemId: string;
  readonly name?: string;
  readonly description?: string;
  readonly categories?: readonly string[];
  readonly tags?: readonly string[];
  readonly price?: number;
  readonly currency?: string;
  readonly stock?: number;
  readonly hidden?: boolean;
  /** Milliseconds since 1970, UTC. */
  readonly createdAt?: number;
  readonly embedding?: readonly number[];
  /** `catalog.attributes` of the pipeline, as JSON text by name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since 1970, UTC: of two records of one item the later wins. */
  readonly updatedAt: number;
  /** It is the item's whole state: what it does not mention is unset. */
  readonly whole?: true;
  /** The shop has it no more: it is in no answer, and keeps its name for history. Other fields say nothing. */
  readonly deleted?: true;
}

/** What is known of a user beside activity. */
export interface UserRecord {
  readonly userId: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since 1970, UTC. */
  readonly updatedAt: number;
  /** It is the user's whole state: what it does not mention is unset. */
  readonly whole?: true;
}

/** What one record of a topic turned into. */
export type Activity =
  | { readonly kind: "event"; readonly event: ActivityEvent }
  | { readonly kind: "item"; readonly item: ItemRecord }
  | { readonly kind: "user"; readonly user: UserRecord };

/**
 * Whom an event belongs to in history, training and attribution: the user when known, else the anonymous visitor,
 * else the session. The prefixes keep a session `5` apart from a user `5`.
 */
export function actorOf(event: Pick<ActivityEvent, "userId" | "anonymousId" | "sessionId">): string {
  if (event.userId !== "") return event.userId;
  if (event.anonymousId !== "") return anonymousActor(event.anonymousId);
  return `session:${event.sessionId}`;
}

/** Why a record, or one line of it, was not accepted. The codes are part of the public contract (docs/dead-letters.md). */
export type RejectionReason =
  | "malformed_json"
  | "not_an_object"
  | "record_too_large"
  | "field_missing"
  | "field_type"
  | "field_too_long"
  | "invalid_character"
  | "time_unparsable"
  | "time_out_of_range"
  | "topic_not_mapped"
  | "undecodable"
  | "schema_unknown"
  | "insert_refused";

export interface Rejection {
  readonly reason: RejectionReason;
  /** The path in the record that is at fault, `""` for the record itself. */
  readonly path: string;
  /** What was found, what was expected, and what to do. */
  readonly message: string;
}
