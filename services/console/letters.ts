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
  try {
    const parsed: unknown = JSON.parse(text);
    // Numbers that JavaScript cannot hold would come back changed.
    const isExact = !/\d{16}/.test(text);
    return { kind: "text", text: isExact ? JSON.stringify(parsed, null, 2) : text, isJson: true };
  } catch {
    return { kind: "text", text, isJson: false };
  }
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
