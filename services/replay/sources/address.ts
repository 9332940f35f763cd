import type { TopicSpec } from "../../activity/index.ts";
import { compilePath, type Path } from "../../activity/mapping/path.ts";
import { compileTime, ISO_OR_MILLIS, type TimeParser } from "../../activity/mapping/time.ts";
import type { Preset } from "./presets.ts";
import type { ReplayRecord } from "./source.ts";

/** Where a record goes, and when it was. */
export type Address = Pick<ReplayRecord, "topic" | "key" | "occurredAt">;

const ACTOR_FIELDS = ["userId", "anonymousId", "sessionId"] as const;

interface TopicAddress {
  readonly name: string;
  readonly actor: readonly Path[];
  readonly forEach: Path | null;
  readonly time: { readonly path: Path; readonly parser: TimeParser } | null;
}

/**
 * Compiles what the mappings of a layout say about a record's topic, key and time, without mapping the record whole.
 * With `forEach` the time is the first element's.
 *
 * @param readTimes whether times are wanted; without, `occurredAt` is `null`.
 */
export function compileAddress(preset: Preset, readTimes: boolean): (json: string) => Address {
  const topics = preset.topics.map((topic) => compileTopicAddress(topic, readTimes));
  const unknown: Address = { topic: preset.topics[0].name, key: null, occurredAt: null };
  return (json) => {
    const record = parseObject(json);
    const topic = record === null ? undefined : topics[preset.topicOf(record)];
    if (record === null || topic === undefined) return unknown;
    const elements = topic.forEach?.get(record, record);
    const element = topic.forEach === null ? record : Array.isArray(elements) ? elements[0] : undefined;
    return { topic: topic.name, key: keyOf(topic, record, element), occurredAt: timeOf(topic, record, element) };
  };
}

function compileTopicAddress({ name, mapping }: TopicSpec, readTimes: boolean): TopicAddress {
  const fieldPaths =
    mapping === undefined
      ? ACTOR_FIELDS
      : ACTOR_FIELDS.map((field) => mapping.fields[field]).filter((path) => path !== undefined);
  const { forEach, occurredAt } = mapping ?? {};
  const time = mapping === undefined ? { path: "occurredAt", parser: ISO_OR_MILLIS } : ownTime(occurredAt);
  return {
    name,
    actor: fieldPaths.map(compilePath),
    forEach: forEach === undefined ? null : compilePath(forEach),
    time: readTimes && time !== null ? { path: compilePath(time.path), parser: time.parser } : null,
  };
}

function ownTime(spec: NonNullable<TopicSpec["mapping"]>["occurredAt"]): { path: string; parser: TimeParser } | null {
  return spec === undefined ? null : { path: spec.path, parser: compileTime(spec) };
}

function parseObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // Mapping says what is wrong with it, where its dead letter is written.
    return null;
  }
}

function keyOf({ actor }: TopicAddress, record: unknown, element: unknown): string | null {
  for (const path of actor) {
    const value = path.get(record, element);
    if (typeof value === "number" || (typeof value === "string" && value !== "")) return String(value);
  }
  return null;
}

function timeOf({ time }: TopicAddress, record: unknown, element: unknown): number | null {
  if (time === null) return null;
  const milliseconds = time.parser.parse(time.path.get(record, element));
  return Number.isNaN(milliseconds) ? null : milliseconds;
}
