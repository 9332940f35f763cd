import { closest, distance } from "fastest-levenshtein";
import { compilePath, type Path } from "./path.ts";
import { compileTime, ISO_OR_MILLIS, type TimeParser } from "./time.ts";
import { MappingError, type MappingSpec, type TopicSpec } from "./topic-spec.ts";
import { isStorable, MAX_CHARACTERS, type Source } from "./values.ts";

/** What a topic's records are read with: a source for each field that can be there, and for the time. */
export interface Sources {
  readonly forEach: Path | null;
  readonly byField: ReadonlyMap<string, Source>;
  /** `null`: the log record's own time. */
  readonly time: { readonly source: Source; readonly parser: TimeParser; readonly isRequired: boolean } | null;
}

/** The field of a record's time in ProductMatcher's own JSON, by kind of record. */
const OWN_TIME_FIELD = { Event: "occurredAt", Item: "updatedAt", User: "updatedAt", Entity: "updatedAt" } as const;

/** The sources of a topic in ProductMatcher's own JSON: each field under its own name, each of them optional. */
export function ownSources(record: TopicSpec["record"], fields: readonly string[]): Sources {
  const byField = new Map(fields.map((field) => [field, ownSource(field)]));
  const time = { source: ownSource(OWN_TIME_FIELD[record]), parser: ISO_OR_MILLIS, isRequired: false };
  return { forEach: null, byField, time };
}

/**
 * Compiles a mapping.
 *
 * @param fields names that may be mapped; a name that ends in a dot stands for every name that begins with it, and
 *   `null` allows any name.
 * @throws MappingError
 */
export function compileSources(topic: string, mapping: MappingSpec, fields: readonly string[] | null): Sources {
  const byField = new Map<string, Source>();
  const constants = mapping.constants ?? {};
  for (const [field, text] of Object.entries(mapping.fields)) {
    checkField(topic, `mapping.fields.${field}`, field, fields);
    const path = compilePathOf(topic, `mapping.fields.${field}`, text);
    byField.set(field, { field, path, constant: Object.hasOwn(constants, field) ? constants[field] : undefined });
  }
  for (const [field, constant] of Object.entries(constants)) {
    checkField(topic, `mapping.constants.${field}`, field, fields);
    if (!isStorable(constant, MAX_CHARACTERS.id)) {
      throw new MappingError(topic, `mapping.constants.${field}`, "is longer than 512 characters or holds NUL");
    }
    if (!byField.has(field))
      byField.set(field, { field, path: null, constant: constant === "" ? undefined : constant });
  }
  const forEach = mapping.forEach === undefined ? null : compilePathOf(topic, "mapping.forEach", mapping.forEach);
  return { forEach, byField, time: compileOccurredAt(topic, mapping) };
}

/** @param path where it is, when not under its own name */
export function ownSource(field: string, path: string = field): Source {
  return { field, path: compilePath(path), constant: undefined };
}

function compileOccurredAt(topic: string, { occurredAt }: MappingSpec): Sources["time"] {
  if (occurredAt === undefined) return null;
  const path = compilePathOf(topic, "mapping.occurredAt.path", occurredAt.path);
  try {
    const source = { field: "occurredAt", path, constant: undefined };
    return { source, parser: compileTime(occurredAt), isRequired: true };
  } catch (error) {
    const field = error instanceof RangeError ? "timeZone" : "pattern";
    throw new MappingError(topic, `mapping.occurredAt.${field}`, (error as Error).message);
  }
}

function compilePathOf(topic: string, place: string, text: string): Path {
  try {
    return compilePath(text);
  } catch (error) {
    throw new MappingError(topic, place, (error as Error).message);
  }
}

function checkField(topic: string, place: string, field: string, fields: readonly string[] | null): void {
  const isKnown = (known: string) =>
    known.endsWith(".") ? field.startsWith(known) && field !== known : field === known;
  if (fields === null || fields.some(isKnown)) return;
  const nearest = closest(field, fields);
  const suggestion = distance(field, nearest) <= 3 ? `did you mean ${nearest}? ` : "";
  const names = fields.map((known) => (known.endsWith(".") ? `${known}<name>` : known)).join(", ");
  throw new MappingError(topic, place, `is no field of this record: ${suggestion}There are ${names}`);
}
