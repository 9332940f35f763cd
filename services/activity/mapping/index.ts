/** Records of a topic, of whatever JSON shape, turned into checked activity. */

import type { Activity, Rejection } from "../event.ts";
import { compilePrivacy } from "../privacy.ts";
import { decodeRecord, MAX_RECORD_BYTES, tooLarge } from "./decode.ts";
import { compileChangeReader } from "./read-change.ts";
import { compileItemReader, compileUserReader, ITEM_FIELDS } from "./read-entity.ts";
import { compileEventReader, EVENT_FIELDS, type LineReader } from "./read-event.ts";
import { type RawRecord, Reading, shown } from "./reading.ts";
import { compileSources, ownSources, type Sources } from "./sources.ts";
import { type AttributeSpec, MappingError, type PrivacySpec, type TopicSpec } from "./topic-spec.ts";

export { MAX_RECORD_BYTES } from "./decode.ts";
export { type Accessor, compilePath, type Path } from "./path.ts";
export { compilePattern } from "./pattern.ts";
export { ITEM_FIELDS } from "./read-entity.ts";
export { EVENT_FIELDS, ORDER_PROPERTY } from "./read-event.ts";
export { type RawRecord, shown } from "./reading.ts";
export { SEED_TOPICS } from "./seed-topics.ts";
export { compileTime, ISO_OR_MILLIS, type TimeParser } from "./time.ts";
export {
  type AttributeSpec,
  type AttributeType,
  MappingError,
  type MappingSpec,
  type OccurredAtSpec,
  type PrivacySpec,
  type TimeFormat,
  type TopicSpec,
} from "./topic-spec.ts";
export { MAX_CHARACTERS } from "./values.ts";

export interface TopicOptions {
  readonly privacy: PrivacySpec;
  /** `spec.catalog.attributes`. */
  readonly attributes: readonly AttributeSpec[];
}

export interface MappedRecord {
  /** In the order of the record's lines. */
  readonly activities: readonly Activity[];
  /** The first fault. With forEach the lines without fault are in `activities` all the same. */
  readonly rejection: Rejection | null;
}

export interface RecordMapper {
  /**
   * Never throws: what cannot be read is a rejection.
   *
   * @param now the wall clock, milliseconds since 1970.
   */
  map(record: RawRecord, now: number): MappedRecord;
  /** The same for who has the record's JSON at hand. @param json the text in `record.value`, and what it parses to */
  mapParsed(record: RawRecord, json: ParsedJson, now: number): MappedRecord;
  /**
   * As `map`, for a record whose value is not JSON.
   *
   * @param root what its bytes were decoded to: what the JSON of the same record would be parsed to, with integers
   *   beyond 2^53 as the text of their digits.
   */
  mapDecoded(record: RawRecord, root: unknown, now: number): MappedRecord;
  /**
   * Fetches what mapping these records takes; absent: nothing. A failure passes, so it may be tried again.
   */
  prepare?(records: readonly RawRecord[], signal: AbortSignal): Promise<void>;
}

export interface ParsedJson {
  readonly text: string;
  readonly root: unknown;
}

/**
 * Compiles `spec.source.topics[]` into the mapper of its records.
 *
 * Without a mapping the topic holds ProductMatcher's own JSON: one object, whose fields have the names of
 * `mapping.fields`.
 * - Event: eventId, event, userId, anonymousId, sessionId, itemId, price, quantity, currency, url, referrer, userAgent,
 *   ipAddress, occurredAt, and properties, an object.
 * - Item: itemId, name, description, categories, tags, price, currency, stock, hidden, createdAt, embedding, the
 *   attributes of the catalogue by their names, and updatedAt.
 * - User: userId, updatedAt; every other field is an attribute.
 * - Entity: the changes that came over HTTP; see compileChangeReader.
 *
 * Its times are ISO 8601 text (UTC when without offset) or epoch milliseconds; absent ones are the log record's. Fields
 * of other names are left out. In every topic `null` and `""` count as absent, numbers may come as text, and ids may be
 * integers of any length.
 *
 * @throws MappingError for a mapping of which no activity can come.
 */
export function compileTopic(topic: TopicSpec, options: TopicOptions): RecordMapper {
  const { sources, readLine } = compileReader(topic, options);
  const { forEach } = sources;
  const readsScalars = [...sources.byField.values()].some(
    ({ path }) => path?.fromRoot === false && path.segments.length === 0,
  );
  return {
    map(record, now) {
      const decoded = decodeRecord(record.value);
      if ("rejection" in decoded) return { activities: [], rejection: decoded.rejection };
      return read(new Reading(record, decoded.text, decoded.root, forEach, now));
    },
    mapParsed(record, { text, root }, now) {
      const { byteLength } = record.value;
      if (byteLength > MAX_RECORD_BYTES) return { activities: [], rejection: tooLarge(byteLength) };
      return read(new Reading(record, text, root, forEach, now));
    },
    mapDecoded: (record, root, now) => read(new Reading(record, null, root, forEach, now)),
  };

  function read(reading: Reading): MappedRecord {
    const { root } = reading;
    if (forEach?.segments.length !== 0 && !isObject(root)) {
      reading.reject("not_an_object", "", `the record is ${shown(root)}, expected an object`);
      return { activities: [], rejection: reading.rejection };
    }
    if (forEach !== null) return readLines(reading, forEach.get(root, root), readLine, readsScalars);
    const activity = readLine(reading);
    return { activities: activity === null ? [] : [activity], rejection: reading.rejection };
  }

  function readLines(reading: Reading, elements: unknown, read: LineReader, scalars: boolean): MappedRecord {
    const place = forEach?.text ?? "";
    if (elements === undefined || elements === null || elements === "") {
      reading.reject("field_missing", place, `mapping.forEach leads nowhere: ${reading.describeKeys()}`);
      return { activities: [], rejection: reading.rejection };
    }
    if (!Array.isArray(elements)) {
      reading.reject("field_type", place, `mapping.forEach leads to ${shown(elements)}, expected an array`);
      return { activities: [], rejection: reading.rejection };
    }
    const activities: Activity[] = [];
    for (const [index, element] of elements.entries()) {
      reading.enter(element, index);
      if (!scalars && (typeof element !== "object" || element === null)) {
        const message = `line ${index} is ${shown(element)}, expected an object`;
        reading.reject("not_an_object", `${place}.${index}`, message);
        continue;
      }
      const activity = read(reading);
      if (activity !== null) activities.push(activity);
    }
    return { activities, rejection: reading.rejection };
  }
}

function compileReader(topic: TopicSpec, options: TopicOptions): { sources: Sources; readLine: LineReader } {
  const { name, record, mapping } = topic;
  const compile = (fields: readonly string[] | null, own: readonly string[]) =>
    mapping === undefined ? ownSources(record, own) : compileSources(name, mapping, fields);
  if (record === "Event") {
    const sources = compile(
      EVENT_FIELDS,
      EVENT_FIELDS.filter((field) => field !== "properties."),
    );
    return { sources, readLine: compileEventReader(topic, sources, compilePrivacy(options.privacy)) };
  }
  if (record === "User") {
    const sources = compile(null, ["userId"]);
    return { sources, readLine: compileUserReader(topic, sources) };
  }
  const attributes = options.attributes.map((attribute) => attribute.name);
  const clash = attributes.find((attribute) => ([...ITEM_FIELDS, "updatedAt"] as string[]).includes(attribute));
  if (clash !== undefined) {
    throw new MappingError(name, "catalog.attributes", `${clash} is a field that every item has: remove or rename it`);
  }
  if (record === "Entity") return compileChangeReader(topic, options.attributes);
  const sources = compile([...ITEM_FIELDS, ...attributes], [...ITEM_FIELDS, ...attributes]);
  return { sources, readLine: compileItemReader(topic, sources, options.attributes) };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
