import { readFileSync } from "node:fs";

/** A text of its own, or where it is kept. */
export type TextOrFile = string | { readonly file: string };

/**
 * What a mounted Secret's file holds at this moment, without the line break that editors and `echo` leave at the end.
 *
 * @throws the file system's error
 */
export function readSecret(source: TextOrFile): string {
  return typeof source === "string" ? source : readFileSync(source.file, "utf8").replace(/\r?\n$/, "");
}
