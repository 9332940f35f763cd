/** Dead letters as a person mends them. Pure. */

export type Readable =
  | { readonly kind: "text"; readonly text: string; readonly isJson: boolean }
  | { readonly kind: "bytes"; readonly reason: string };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** A page with more would be slow to edit. */
const EDITABLE_BYTES = 262_144;

/** The record's value where a person can edit it: JSON with line breaks, other text as it is. */
export function readable(value: Uint8Array): Readable {
  if (value.byteLength > EDITABLE_BYTES) return { kind: "bytes", reason: "The record is too large to be edited here." };
  let text: string;
  try {
    text = utf8.decode(value);
  } catch {
    return { kind: "bytes", reason: "The record is no text (UTF-8), as records of a schema registry are not." };
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what tells bytes from text
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text))
    return { kind: "bytes", reason: "The record holds bytes that are no text." };
  const isJson = faultOf(text) === null;
  return { kind: "text", text: (isJson ? withLineBreaks(text) : null) ?? text, isJson };
}

/** A string, a mark, or a number or word. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
/** Each level indents all that is in it. */
const MAX_DEPTH = 32;
const MAX_CHARACTERS = 1_048_576;

/**
 * Only the space between tokens changes, so that each number, escape and repeated key stays as it was sent.
 *
 * @param json that is valid
 * @returns `null`: it is nested so deeply, or would become so long, that nobody could read it
 */
function withLineBreaks(json: string): string | null {
  const lines: string[] = [];
  let [line, depth, length] = ["", 0, 0];
  const next = () => {
    lines.push(line);
    length += line.length + 1;
    line = "  ".repeat(depth);
  };
  let before = "";
  for (const [token] of json.matchAll(TOKENS)) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    if (isOpening(before) ? !closes : closes || before === ",") next();
    line += token === ":" ? ": " : token;
    if (isOpening(token)) depth += 1;
    if (depth > MAX_DEPTH || length > MAX_CHARACTERS) return null;
    before = token;
  }
  return [...lines, line].join("\n");
}

function isOpening(token: string): boolean {
  return token === "{" || token === "[";
}

/** Why a mended text cannot be sent; `null`: it can. */
export function faultOf(text: string): string | null {
  if (text.trim() === "") return "There is nothing to send: the record is empty.";
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `It is not JSON yet: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

/** First bytes, sixteen a line. */
export function hexDump(value: Uint8Array, limit = 512): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(value.byteLength, limit); at += 16) {
    const row = [...value.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}
