import type { LogRecord } from "../../activity-log/index.ts";
import type { Rejection, RejectionReason } from "../event.ts";
import { parseExactly } from "./decode.ts";
import { locate, type Path } from "./path.ts";

const MAX_KEYS_NAMED = 20;
const MAX_VALUE_SHOWN = 80;

/** A log record without its key, which plays no part in mapping. */
export type RawRecord = Omit<LogRecord, "key">;

/**
 * One record while its lines are read. Faults are collected here and not thrown: a topic whose every record is at
 * fault must not cost more than a sound one. The first fault of the record is the one that is reported.
 */
export class Reading {
  readonly record: RawRecord;
  readonly root: unknown;
  /** The wall clock, milliseconds since 1970. */
  readonly now: number;
  /** NUL and lone surrogates may have come in: through `\u` escapes of JSON, or in a record that was none. */
  readonly escaped: boolean;
  rejection: Rejection | null = null;
  /** Element of forEach, or the record. */
  element: unknown;
  /** Of the element; -1 without forEach. */
  index = -1;
  /** The current line has a fault. */
  faulty = false;
  readonly #text: string | null;
  readonly #forEach: Path | null;
  #exactRoot: unknown;

  /** @param text the JSON of `root`; `null` when it came from another format, with exact integers. */
  constructor(record: RawRecord, text: string | null, root: unknown, forEach: Path | null, now: number) {
    this.record = record;
    this.root = root;
    this.element = root;
    this.now = now;
    this.escaped = text === null || text.includes("\\u");
    this.#text = text;
    this.#forEach = forEach;
  }

  /** Goes on to a line of forEach. */
  enter(element: unknown, index: number): void {
    this.element = element;
    this.index = index;
    this.faulty = false;
  }

  /** Notes a fault of the current line. @param path in the record. */
  reject(reason: RejectionReason, path: string, message: string): void {
    this.faulty = true;
    this.rejection ??= { reason, path, message };
  }

  /** The place of a path of the mapping in this record, the line's index included. */
  locate(path: Path): string {
    return locate(path, this.#forEach, this.index);
  }

  /** What `path` leads to, with integers beyond 2^53 as the text of their digits. */
  getExactly(path: Path): unknown {
    this.#exactRoot ??= this.#text === null ? this.root : parseExactly(this.#text);
    const elements = this.#forEach?.get(this.#exactRoot, this.#exactRoot);
    return path.get(this.#exactRoot, Array.isArray(elements) ? elements[this.index] : this.#exactRoot);
  }

  /** `the record has: a, b, c`, for messages on missing fields. */
  describeKeys(): string {
    const owner = this.index < 0 ? "the record" : "the element";
    if (typeof this.element !== "object" || this.element === null) return `${owner} is ${shown(this.element)}`;
    const keys = Object.keys(this.element);
    if (keys.length === 0) return `${owner} is empty`;
    const named = keys.slice(0, MAX_KEYS_NAMED).map((key) => shorten(key, MAX_VALUE_SHOWN));
    const more = keys.length > named.length ? ` and ${keys.length - named.length} more` : "";
    return `${owner} has: ${named.join(", ")}${more}`;
  }
}

/** A JSON value as messages show it: text in quotes and shortened, what is not text by its type. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shorten(value, MAX_VALUE_SHOWN));
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}... (${text.length} characters)` : text;
}
