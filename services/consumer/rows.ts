/** Rows as the sink's tables take them: names of columns, times as milliseconds. */
import { type ActivityEvent, actorOf, type ItemRecord, type Rejection, type UserRecord } from "../activity/index.ts";
import type { Signal } from "../activity/signals.ts";
import { type LogRecord, RECORD_ID_HEADER } from "../activity-log/index.ts";

export type Attributes = Readonly<Record<string, string>>;

/** The place in the log that something came from. */
export interface Source {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Different for different places, whatever characters the topic has. */
export function sourceKey({ topic, partition, offset }: Source): string {
  return `${partition}/${offset}/${topic}`;
}

/** What the enrichment found for an event; `complete` is false when its source did not answer. */
export interface Enrichment {
  readonly user: Attributes;
  readonly item: Attributes;
  readonly complete: boolean;
}

export interface EventRow extends Source {
  readonly event_id: string;
  readonly event: string;
  readonly actor_id: string;
  readonly user_id: string;
  readonly anonymous_id: string;
  readonly session_id: string;
  readonly item_id: string;
  readonly occurred_at: number;
  /** As text where it was read back from the table. */
  readonly price: number | string | null;
  readonly quantity: number;
  readonly currency: string;
  readonly url: string;
  readonly referrer: string;
  readonly user_agent: string;
  readonly ip_address: string;
  readonly properties: Attributes;
  readonly user_attributes: Attributes;
  readonly item_attributes: Attributes;
  readonly enriched: boolean;
  readonly ingested_at: number;
}

/** Named in every insert: a table that lacks one is then a fault of the table (code 16), not of each row (code 117). */
export const EVENT_COLUMNS = [
  "event_id",
  "event",
  "actor_id",
  "user_id",
  "anonymous_id",
  "session_id",
  "item_id",
  "occurred_at",
  "price",
  "quantity",
  "currency",
  "url",
  "referrer",
  "user_agent",
  "ip_address",
  "properties",
  "user_attributes",
  "item_attributes",
  "enriched",
  "topic",
  "partition",
  "offset",
  "ingested_at",
] as const satisfies readonly (keyof EventRow)[];

export function eventRow(event: ActivityEvent, source: Source, enrichment: Enrichment, ingestedAt: number): EventRow {
  return {
    event_id: event.eventId,
    event: event.event,
    actor_id: actorOf(event),
    user_id: event.userId,
    anonymous_id: event.anonymousId,
    session_id: event.sessionId,
    item_id: event.itemId,
    occurred_at: event.occurredAt,
    price: event.price,
    quantity: event.quantity,
    currency: event.currency,
    url: event.url,
    referrer: event.referrer,
    user_agent: event.userAgent,
    ip_address: event.ipAddress,
    properties: event.properties,
    user_attributes: enrichment.user,
    item_attributes: enrichment.item,
    enriched: enrichment.complete,
    topic: source.topic,
    partition: source.partition,
    offset: source.offset,
    ingested_at: ingestedAt,
  };
}

/** What the recommenders hear of a row; it concerns an item. */
export function signalOfRow(row: EventRow): Signal {
  return {
    actorId: row.actor_id,
    event: row.event,
    itemId: row.item_id,
    occurredAt: row.occurred_at,
    quantity: row.quantity,
    eventId: row.event_id,
  };
}

/** A conversion in `attributed_checkouts`, before any touch is known: those columns keep their defaults. */
export function checkoutRow(row: EventRow): object {
  return {
    checkout_id: row.event_id,
    actor_id: row.actor_id,
    user_id: row.user_id,
    item_id: row.item_id,
    occurred_at: row.occurred_at,
    price: row.price,
    quantity: row.quantity,
    currency: row.currency,
    user_attributes: row.user_attributes,
    properties: row.properties,
  };
}

export interface ItemRow {
  readonly item_id: string;
  readonly name: string;
  readonly description: string;
  readonly categories: readonly string[];
  readonly tags: readonly string[];
  readonly price: number | string | null;
  readonly currency: string;
  readonly stock: number | string | null;
  readonly hidden: boolean;
  readonly created_at: number | null;
  readonly embedding: readonly number[];
  readonly attributes: Attributes;
  readonly updated_at: number;
}

export const ITEM_COLUMNS = [
  "item_id",
  "name",
  "description",
  "categories",
  "tags",
  "price",
  "currency",
  "stock",
  "hidden",
  "created_at",
  "embedding",
  "attributes",
  "updated_at",
] as const satisfies readonly (keyof ItemRow)[];

const NEW_ITEM: Omit<ItemRow, "item_id" | "updated_at"> = {
  name: "",
  description: "",
  categories: [],
  tags: [],
  price: null,
  currency: "",
  stock: null,
  hidden: false,
  created_at: null,
  embedding: [],
  attributes: {},
};

/**
 * The item after a change: what the record does not mention stays as it was, or is unset by one of the whole state. An
 * item is as old as its first record unless one says otherwise.
 */
export function mergeItem(before: ItemRow | undefined, change: ItemRecord): ItemRow {
  const { itemId, attributes, createdAt, updatedAt, whole, deleted, ...fields } = change;
  const known = before ?? { ...NEW_ITEM, created_at: updatedAt };
  if (deleted) return { ...known, item_id: itemId, hidden: true, updated_at: updatedAt };
  const base = whole ? { ...NEW_ITEM, created_at: known.created_at } : known;
  return {
    ...base,
    ...fields,
    item_id: itemId,
    created_at: createdAt ?? base.created_at,
    attributes: { ...base.attributes, ...attributes },
    updated_at: updatedAt,
  };
}

export interface UserRow {
  readonly user_id: string;
  readonly attributes: Attributes;
  readonly updated_at: number;
}

export const USER_COLUMNS = ["user_id", "attributes", "updated_at"] as const satisfies readonly (keyof UserRow)[];

export function mergeUser(before: UserRow | undefined, change: UserRecord): UserRow {
  return {
    user_id: change.userId,
    attributes: change.whole ? change.attributes : { ...before?.attributes, ...change.attributes },
    updated_at: change.updatedAt,
  };
}

export interface DeadLetterRow extends Source {
  readonly id: string;
  readonly reason: string;
  readonly path: string;
  readonly message: string;
  readonly key: string;
  readonly headers: Attributes;
  readonly recorded_at: number;
  readonly value_base64: string;
  readonly failed_at: number;
  readonly resolved: boolean;
  readonly updated_at: number;
}

export const DEAD_LETTER_COLUMNS = [
  "id",
  "reason",
  "path",
  "message",
  "topic",
  "partition",
  "offset",
  "key",
  "headers",
  "recorded_at",
  "value_base64",
  "failed_at",
  "resolved",
  "updated_at",
] as const satisfies readonly (keyof DeadLetterRow)[];

/** Texts may quote the record: what no text column can store is replaced (U+FFFD); `value` has the bytes as they are. */
export function deadLetterRow(record: LogRecord, rejection: Rejection, now: number): DeadLetterRow {
  return {
    id: recordId(record).toWellFormed(),
    reason: rejection.reason,
    path: rejection.path.toWellFormed(),
    message: rejection.message.toWellFormed(),
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    key: (record.key ?? "").toWellFormed(),
    headers: wellFormed(record.headers),
    recorded_at: record.timestamp,
    value_base64: Buffer.from(record.value).toString("base64"),
    failed_at: now,
    resolved: false,
    updated_at: now,
  };
}

function wellFormed(texts: Attributes): Attributes {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name.toWellFormed(), text.toWellFormed()]));
}

/** What makes a record the same record when it is sent again. */
export function recordId(record: LogRecord): string {
  return record.headers[RECORD_ID_HEADER] ?? `${record.topic}/${record.partition}/${record.offset}`;
}
