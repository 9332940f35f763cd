/**
 * What the consumer tells every recommender replica of the events that it has stored: who did what with which item,
 * and when, and which anonymous visitors signed in. Many events a record of the topic `<prefix>.signals`, as UTF-8 JSON:
 *
 *     {"v":1,"receivedAt":1767225600000,"events":[["user","view","item",1767225599000,1,"event id"], ...],
 *      "links":[["anonymous id","user",1767225599000], ...]}
 *
 * `links` came later and is left out where there are none: a reader that does not know it reads the rest.
 */
import { z } from "zod";
import { type ActivityEvent, actorOf } from "./event.ts";
import type { Link } from "./identity.ts";

/** The most events, and the most links, that one record holds. */
export const SIGNALS_PER_RECORD = 1_000;

/** The part of an event that changes what an actor is recommended. */
export interface Signal {
  /** As `actorOf` gives it. */
  readonly actorId: string;
  readonly event: string;
  readonly itemId: string;
  /** Milliseconds since 1970, UTC. */
  readonly occurredAt: number;
  /** Pieces; 0 for the refund of what had come back before. */
  readonly quantity: number;
  readonly eventId: string;
}

export interface SignalBatch {
  /** When the log had received the oldest of these events, in milliseconds since 1970: freshness counts from here. */
  readonly receivedAt: number;
  readonly signals: readonly Signal[];
  /** Visitors that signed in, mostly those of whom it was not known. */
  readonly links: readonly Link[];
}

/** A record of the signals topic that this release cannot read. */
export class SignalFormatError extends Error {
  readonly code = "signal_format";
  override readonly name = "SignalFormatError";
}

const VERSION = 1;

const recordSchema = z.object({
  v: z.literal(VERSION),
  receivedAt: z.number(),
  events: z
    .array(z.tuple([z.string(), z.string(), z.string(), z.number(), z.number(), z.string()]))
    .max(SIGNALS_PER_RECORD),
  links: z
    .array(z.tuple([z.string(), z.string(), z.number()]))
    .max(SIGNALS_PER_RECORD)
    .default([]),
});

/** `null` for an event that concerns no item: it changes no recommendation. */
export function signalOf(event: ActivityEvent): Signal | null {
  if (event.itemId === "") return null;
  return {
    actorId: actorOf(event),
    event: event.event,
    itemId: event.itemId,
    occurredAt: event.occurredAt,
    quantity: event.quantity,
    eventId: event.eventId,
  };
}

/** What there is to tell, in as many records as it takes; none when there is nothing. @returns each record's value */
export function encodeSignalRecords({ receivedAt, signals, links }: SignalBatch): Uint8Array[] {
  const values: Uint8Array[] = [];
  for (let start = 0; start < Math.max(signals.length, links.length); start += SIGNALS_PER_RECORD) {
    const part = [start, start + SIGNALS_PER_RECORD] as const;
    values.push(encodeSignals({ receivedAt, signals: signals.slice(...part), links: links.slice(...part) }));
  }
  return values;
}

/** One record's value. @throws RangeError above SIGNALS_PER_RECORD events or links */
export function encodeSignals({ receivedAt, signals, links }: SignalBatch): Uint8Array {
  if (Math.max(signals.length, links.length) > SIGNALS_PER_RECORD) {
    throw new RangeError(
      `${signals.length} signals and ${links.length} links in one record: split them at ${SIGNALS_PER_RECORD}`,
    );
  }
  const events = signals.map((signal) => [
    signal.actorId,
    signal.event,
    signal.itemId,
    signal.occurredAt,
    signal.quantity,
    signal.eventId,
  ]);
  const linked = links.map(({ anonymousId, userId, linkedAt }) => [anonymousId, userId, linkedAt]);
  return Buffer.from(
    JSON.stringify({ v: VERSION, receivedAt, events, ...(linked.length === 0 ? {} : { links: linked }) }),
  );
}

/** @throws SignalFormatError for anything that `encodeSignals` of this version did not make */
export function decodeSignals(value: Uint8Array): SignalBatch {
  const parsed = recordSchema.safeParse(parseJson(value));
  if (!parsed.success) {
    throw new SignalFormatError(`not a signals record of version ${VERSION}: ${z.prettifyError(parsed.error)}`);
  }
  const { receivedAt, events, links } = parsed.data;
  return {
    receivedAt,
    signals: events.map(([actorId, event, itemId, occurredAt, quantity, eventId]) => ({
      actorId,
      event,
      itemId,
      occurredAt,
      quantity,
      eventId,
    })),
    links: links.map(([anonymousId, userId, linkedAt]) => ({ anonymousId, userId, linkedAt })),
  };
}

function parseJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"));
  } catch (cause) {
    throw new SignalFormatError("not JSON", { cause });
  }
}
