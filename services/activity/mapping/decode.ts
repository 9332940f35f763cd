import { isAscii } from "node:buffer";
import type { Rejection, RejectionReason } from "../event.ts";

/** Of one log record's value. */
export const MAX_RECORD_BYTES = 1_048_576;

/** Above it the position of a syntax error is not sought by parsing again. */
const MAX_CHARACTERS_TO_LOCATE = 65_536;
const MAX_NESTING_MESSAGE = "the JSON is nested too deeply to be read: flatten it";

/** A record's value as text and as JSON, or why it is neither. */
export type Decoded = { readonly text: string; readonly root: unknown } | { readonly rejection: Rejection };

/** Built-in JSON.parse with the reviver's third argument, which TypeScript's library of this target does not declare. */
const parseWithSource = JSON.parse as (
  text: string,
  revive: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Decodes UTF-8 (a byte order mark is ignored) and parses JSON of any shape. */
export function decodeRecord(value: Uint8Array): Decoded {
  if (value.byteLength > MAX_RECORD_BYTES) return { rejection: tooLarge(value.byteLength) };
  let text: string;
  try {
    text = isAscii(value) ? ascii(value) : utf8.decode(value);
  } catch {
    return rejected("malformed_json", `the record is not UTF-8: send JSON in UTF-8${registryHint(value)}`);
  }
  try {
    return { text, root: JSON.parse(text) as unknown };
  } catch (error) {
    if (text.includes("\0")) {
      const advice = `NUL cannot stand in JSON. Is the record UTF-16, or binary?${registryHint(value)}`;
      return rejected("invalid_character", `the record holds U+0000 at position ${text.indexOf("\0")}: ${advice}`);
    }
    return rejected(
      "malformed_json",
      error instanceof SyntaxError ? describeSyntaxError(text, error) : MAX_NESTING_MESSAGE,
    );
  }
}

/** Most records; twice as quick as decoding UTF-8. */
function ascii({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

/**
 * The same JSON with every integer that a double cannot hold as the text of its digits, so that an id such as
 * 9007199254740993 stays what it is. Several times slower than plain parsing. `undefined` when it is nested too deeply.
 *
 * @param text sound JSON.
 */
export function parseExactly(text: string): unknown {
  try {
    return parseWithSource(text, (_key, value, { source }) => {
      const isInexact = Number.isInteger(value) && !Number.isSafeInteger(value);
      return isInexact && source !== undefined && /^-?\d+$/.test(source) ? source : value;
    });
  } catch {
    return undefined;
  }
}

export function tooLarge(bytes: number): Rejection {
  const size = `${bytes.toLocaleString("en-US")} bytes, at most ${MAX_RECORD_BYTES.toLocaleString("en-US")}`;
  const message = `the record has ${size} are read: split it or leave large fields out`;
  return { reason: "record_too_large", path: "", message };
}

/** Records of a schema registry begin with a zero byte. */
function registryHint(value: Uint8Array): string {
  return value[0] === 0 ? " (a record of a schema registry needs format: SchemaRegistry)" : "";
}

function rejected(reason: RejectionReason, message: string): Decoded {
  return { rejection: { reason, path: "", message } };
}

function describeSyntaxError(text: string, error: SyntaxError): string {
  if (text.trim() === "") return "the record is empty: expected a JSON object (a compacted topic's tombstone?)";
  const message = error.message.replace(/ \(line \d+ column \d+\)$/, "");
  if (/ at position \d+$/.test(message)) return message;
  const position = message.startsWith("Unexpected token") ? positionOfUnexpectedToken(text) : text.length;
  return position === null ? message : `${message}, at position ${position}`;
}

/**
 * V8 names the position of most syntax errors, but not of an unexpected token. A prefix that ends before the token
 * fails otherwise (as unfinished), one that holds it fails in the same way: so the position can be bisected.
 */
function positionOfUnexpectedToken(text: string): number | null {
  if (text.length > MAX_CHARACTERS_TO_LOCATE) return null;
  let before = 0;
  let holding = text.length;
  while (holding - before > 1) {
    const middle = (before + holding) >> 1;
    if (failsOnToken(text.slice(0, middle))) holding = middle;
    else before = middle;
  }
  return before;
}

function failsOnToken(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return false;
  } catch (error) {
    return error instanceof SyntaxError && error.message.startsWith("Unexpected token");
  }
}
