/** What CEL cannot check of topics and the catalogue: paths, fields, date patterns, time zones. */
import { DateTime } from "luxon";
import type { Catalog, Mapping, PipelineSpec, Topic } from "../../crds/index.ts";
import { compilePath } from "../activity/mapping/path.ts";
import { compilePattern } from "../activity/mapping/pattern.ts";
import type { Finding, Path } from "./fault.ts";
import { nearest } from "./suggestions.ts";
import { checkTimeZone } from "./time-zone.ts";

const EVENT_FIELDS = [
  "eventId",
  "userId",
  "anonymousId",
  "sessionId",
  "event",
  "itemId",
  "price",
  "quantity",
  "currency",
  "url",
  "referrer",
  "userAgent",
  "ipAddress",
];

/** What every item may have beside its id. */
export const ITEM_FIELDS = [
  "name",
  "description",
  "categories",
  "tags",
  "price",
  "currency",
  "stock",
  "hidden",
  "createdAt",
  "embedding",
];

const ATTRIBUTE_NAME = /^[a-z][a-zA-Z0-9_]*$/;
/** No two of its parts are the same number, and its hour is after noon. */
const PROBE = DateTime.fromISO("2024-11-25T13:47:58.321Z", { zone: "utc", locale: "en-US" });

export function checkTopic(topic: Topic, path: Path, { catalog }: Pick<PipelineSpec, "catalog">): Finding[] {
  return topic.mapping === undefined ? [] : checkMapping(topic, topic.mapping, catalog, [...path, "mapping"]);
}

/** An attribute may not take the name of a field that every item has. */
export function checkAttribute({ name }: { readonly name: string }, path: Path): Finding[] {
  if (name !== "itemId" && !ITEM_FIELDS.includes(name)) return [];
  const message = `every item has the field ${name} already: leave the attribute out, or give it another name`;
  return [{ path: [...path, "name"], message }];
}

function checkMapping(topic: Topic, mapping: Mapping, catalog: Catalog | undefined, at: Path): Finding[] {
  const { forEach, fields, constants = {}, occurredAt } = mapping;
  return [
    ...(forEach === undefined ? [] : checkPath(forEach, [...at, "forEach"])),
    ...Object.entries(fields).flatMap(([field, path]) => checkPath(path, [...at, "fields", field])),
    ...Object.keys(fields).flatMap((field) => checkField(topic, field, catalog, [...at, "fields", field])),
    ...Object.keys(constants).flatMap((field) => checkField(topic, field, catalog, [...at, "constants", field])),
    ...(occurredAt === undefined ? [] : checkOccurredAt(occurredAt, [...at, "occurredAt"])),
  ];
}

function checkPath(text: string, path: Path): Finding[] {
  if (text === "") return [{ path, message: "an empty path: write a.b.c, or a JSON Pointer such as /a/b/0" }];
  try {
    const { segments } = compilePath(text);
    if (!segments.includes("")) return [];
    return [
      { path, message: `${JSON.stringify(text)} has an empty step: write /a/b/0, without "//" or "/" at the end` },
    ];
  } catch (error) {
    return [{ path, message: messageOf(error) }];
  }
}

function checkField({ record }: Topic, field: string, catalog: Catalog | undefined, path: Path): Finding[] {
  if (field === "occurredAt" || field === "updatedAt") {
    return [{ path, message: "the time has a place of its own", suggestion: "mapping.occurredAt.path" }];
  }
  const property = /^properties\.(.*)$/.exec(field);
  if (record === "Event" && property !== null) {
    return property[1] === "" ? [{ path, message: "a property needs a name: properties.<name>" }] : [];
  }
  if (record === "User") {
    if (ATTRIBUTE_NAME.test(field)) return [];
    return [{ path, message: `the name of a user's attribute must match ${ATTRIBUTE_NAME}` }];
  }
  const known = record === "Event" ? EVENT_FIELDS : ["itemId", ...ITEM_FIELDS, ...attributeNames(catalog)];
  if (known.includes(field)) return [];
  const others =
    record === "Event"
      ? "; a field of the shop's own is properties.<name>"
      : "; others are declared in catalog.attributes";
  const suggestion = nearest(field, known);
  const message = `unknown field of record: ${record}${others}`;
  return [suggestion === undefined ? { path, message } : { path, message, suggestion }];
}

export function attributeNames(catalog: Catalog | undefined): string[] {
  return (catalog?.attributes ?? []).map(({ name }) => name);
}

function checkOccurredAt({ path, pattern, timeZone }: NonNullable<Mapping["occurredAt"]>, at: Path): Finding[] {
  return [
    ...checkPath(path, [...at, "path"]),
    ...(pattern === undefined ? [] : checkPattern(pattern, [...at, "pattern"])),
    ...checkTimeZone(timeZone, [...at, "timeZone"]),
  ];
}

/** A pattern must give back the day of a time that was written with it. */
function checkPattern(pattern: string, path: Path): Finding[] {
  try {
    const written = PROBE.toFormat(pattern);
    const read = DateTime.fromMillis(compilePattern(pattern, (civil) => civil)(written), { zone: "utc" });
    if (read.hasSame(PROBE, "day") && [0, PROBE.hour].includes(read.hour)) return [];
    const found = read.isValid ? read.toISO({ suppressMilliseconds: true }) : "nothing";
    const message = `${JSON.stringify(pattern)} would read "${written}" as ${found}: MM is the month, dd the day, HH the hour of 24, mm the minute`;
    return [{ path, message }];
  } catch (error) {
    return [{ path, message: messageOf(error) }];
  }
}

function messageOf(error: unknown): string {
  if (error instanceof SyntaxError) return error.message;
  throw error;
}
