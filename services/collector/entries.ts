/** A request's entries (events, messages, items), each checked by itself: one that is wrong stops no other. */
import type { RecordMapper, Rejection } from "../activity/index.ts";
import type { OutgoingRecord } from "../activity-log/index.ts";
import { type ProblemError, Refusal } from "../http/index.ts";
import { check } from "./check.ts";
import type { CollectorLimits, CollectorOptions } from "./options.ts";
import type { Reading } from "./own-record.ts";

export interface OwnRecords {
  readonly events: readonly OutgoingRecord[];
  readonly entities: readonly OutgoingRecord[];
}

export interface Entries {
  readonly records: OwnRecords;
  /** Of which something goes into the log. */
  readonly accepted: readonly { readonly index: number; readonly id: string }[];
  /** The first fault of each that has one; of an order with a bad line the others are accepted all the same. */
  readonly rejected: readonly (Rejection & { readonly index: number })[];
  /** Right, and of no use here. */
  readonly ignored: number;
}

/**
 * @param read of one entry; called in turn, so that what a request becomes is never in memory beyond its limit
 * @throws Refusal 413 above `limits.requestBytes`
 */
export function checkEntries(
  entries: readonly unknown[],
  read: (entry: unknown) => Reading,
  options: Pick<CollectorOptions, "topic" | "mapper" | "entitiesTopic" | "entitiesMapper">,
  { requestBytes }: Pick<CollectorLimits, "requestBytes">,
  now: number,
): Entries {
  const targets = {
    events: target(options.topic, options.mapper),
    entities: target(options.entitiesTopic, options.entitiesMapper),
  };
  const accepted: { index: number; id: string }[] = [];
  const rejected: (Rejection & { index: number })[] = [];
  let ignored = 0;
  let bytes = 0;
  for (const [index, entry] of entries.entries()) {
    const { id, records, faults } = read(entry);
    let fault = faults[0];
    let kept = 0;
    for (const own of records) {
      const { topic, mapper, taken } = targets[own.to];
      const checked = check(own, topic, mapper, now);
      if ("rejection" in checked) {
        fault ??= checked.rejection;
        continue;
      }
      bytes += checked.record.value.byteLength;
      if (bytes > requestBytes) throw tooMuch(requestBytes);
      taken.push(checked.record);
      kept += 1;
    }
    if (fault !== undefined) rejected.push({ index, ...fault });
    if (kept > 0) accepted.push({ index, id });
    else if (fault === undefined) ignored += 1;
  }
  return {
    records: { events: targets.events.taken, entities: targets.entities.taken },
    accepted,
    rejected,
    ignored,
  };
}

/** The place of a fault as a JSON Pointer into the body. @param base of the entry */
export function pointerError(base: string, { path, message }: Rejection): ProblemError {
  const place = path === "" || path.startsWith("/") ? path : `/${path.replaceAll(".", "/")}`;
  return { pointer: `${base}${place}`, detail: message };
}

function target(topic: string, mapper: RecordMapper) {
  const taken: OutgoingRecord[] = [];
  return { topic, mapper, taken };
}

function tooMuch(limit: number): Refusal {
  const detail = `The events of one request may have at most ${limit} bytes, the lines of an order each for itself: send it in parts.`;
  return new Refusal({ type: "payload-too-large", detail });
}
