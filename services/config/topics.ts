/** What CEL cannot check of topics and the catalogue: paths, fields, date patterns, time zones. */
import { DateTime } from "luxon";
import type { Catalog, Mapping, PipelineSpec, Topic } from "../../crds/index.ts";
import { compileTopic, MappingError } from "../activity/index.ts";
import { compilePath } from "../activity/mapping/path.ts";
import { compilePattern } from "../activity/mapping/pattern.ts";
import { ITEM_FIELDS } from "../activity/mapping/read-entity.ts";
import { EVENT_FIELDS } from "../activity/mapping/read-event.ts";
import type { Finding, Path } from "./fault.ts";
import { nearest } from "./suggestions.ts";
import { checkTimeZone } from "./time-zone.ts";

const OTHER_ITEM_FIELDS = "others are declared in catalog.attributes";
/** No two of its parts are the same number, and its hour is after noon. */
const PROBE = DateTime.fromISO("2024-11-25T13:47:58.321Z", { zone: "utc", locale: "en-US" });

type Context = Pick<PipelineSpec, "catalog" | "privacy">;

export function checkTopic({ record, mapping }: Topic, path: Path, { catalog }: Context): Finding[] {
  return mapping === undefined ? [] : checkMapping(record, mapping, catalog, [...path, "mapping"]);
}

/** What is left when every part is right by itself: whether the consumer can make activity of the topic. */
export function checkReadable(topic: Topic, path: Path, { catalog, privacy }: Context): Finding[] {
  try {
    compileTopic(topic, { privacy, attributes: catalog?.attributes ?? [] });
    return [];
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    const place = new MappingError(topic.name, error.path, "").message;
    return [{ path: [...path, ...error.path.split(".")], message: error.message.slice(place.length) }];
  }
}

/** An attribute may not take the name of a field that every item has. */
export function checkAttribute({ name }: { readonly name: string }, path: Path): Finding[] {
  if (name !== "updatedAt" && !ITEM_FIELDS.some((field) => field === name)) return [];
  const message = `every item has the field ${name} already: leave the attribute out, or give it another name`;
  return [{ path: [...path, "name"], message }];
}

function checkMapping(record: Topic["record"], mapping: Mapping, catalog: Catalog | undefined, at: Path): Finding[] {
  const { forEach, fields, constants = {}, occurredAt } = mapping;
  return [
    ...(forEach === undefined ? [] : checkPath(forEach, [...at, "forEach"])),
    ...Object.entries(fields).flatMap(([field, path]) => checkPath(path, [...at, "fields", field])),
    ...Object.keys(fields).flatMap((field) => checkField(record, field, catalog, [...at, "fields", field])),
    ...Object.keys(constants).flatMap((field) => checkField(record, field, catalog, [...at, "constants", field])),
    ...(occurredAt === undefined ? [] : checkOccurredAt(occurredAt, [...at, "occurredAt"])),
  ];
}

function checkPath(text: string, path: Path): Finding[] {
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

function checkField(record: Topic["record"], field: string, catalog: Catalog | undefined, path: Path): Finding[] {
  if (field === "occurredAt" || field === "updatedAt") {
    return [{ path, message: "the time has a place of its own", suggestion: "mapping.occurredAt.path" }];
  }
  if (record === "User") return [];
  const known = record === "Event" ? EVENT_FIELDS : [...ITEM_FIELDS, ...attributeNames(catalog)];
  if (known.some((name) => (name.endsWith(".") ? field.startsWith(name) && field !== name : field === name))) return [];
  const others = record === "Event" ? "a field of the shop's own is properties.<name>" : OTHER_ITEM_FIELDS;
  const suggestion = nearest(
    field,
    known.filter((name) => !name.endsWith(".")),
  );
  const message = `unknown field of record: ${record}; ${others}`;
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
