import type { Rejection } from "../activity/index.ts";

/** A record in ProductMatcher's own JSON, not yet checked. */
export interface OwnRecord {
  readonly to: "events" | "entities";
  readonly body: Readonly<Record<string, unknown>>;
  /** Where a field of `body` stands in what the client sent; a path in the notation of a Rejection. */
  readonly placeOf: (path: string) => string;
}

/** What one thing that a client sent means. Neither records nor faults: it is of no use here, and no error. */
export interface Reading {
  /** As the answer names it. */
  readonly id: string;
  readonly records: readonly OwnRecord[];
  readonly faults: readonly Rejection[];
}

export function asItIs(path: string): string {
  return path;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `null` and `""` count as absent, as in every record. */
export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
