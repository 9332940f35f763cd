import { readFile } from "node:fs/promises";

/** Text, or a file that has it: a mounted secret. */
export type Secret = string | { readonly file: string };

/** Without the newline that editors leave at the end of a file. @throws Error that names the file */
export async function readSecret(secret: Secret): Promise<string> {
  if (typeof secret === "string") return secret;
  return (await readFile(secret.file, "utf8")).replace(/\r?\n$/, "");
}
