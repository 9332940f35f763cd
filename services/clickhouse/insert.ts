import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { identifier } from "./identifier.ts";

const ROWS_PER_CHUNK = 1_000;

export interface EncodedRows {
  /** JSON lines in pieces. */
  readonly chunks: readonly Buffer[];
  /** From the beginning, as often as wanted. */
  stream(): Readable;
}

/** @param columns of the statement; without them the rows name their own, which is twice the bytes and the reading */
export function encodeRows(rows: readonly object[], columns?: readonly string[]): EncodedRows {
  const line =
    columns === undefined
      ? (row: object) => JSON.stringify(row)
      : (row: object) => JSON.stringify(columns.map((column) => (row as Readonly<Record<string, unknown>>)[column]));
  const chunks: Buffer[] = [];
  for (let start = 0; start < rows.length; start += ROWS_PER_CHUNK) {
    const lines = rows.slice(start, start + ROWS_PER_CHUNK).map(line);
    chunks.push(Buffer.from(`${lines.join("\n")}\n`));
  }
  return { chunks, stream: () => Readable.from(chunks, { objectMode: false }) };
}

/** Another one as soon as anything differs: the table, what the rows were made from, or any of their content. */
export function tokenOf(table: string, madeFrom: string, { chunks }: EncodedRows): string {
  const hash = createHash("sha256").update(`${table.length}/${table}${madeFrom.length}/${madeFrom}`);
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("base64url");
}

/** The token stands in the statement: as a setting of the connection it would make later inserts vanish. */
export function insertStatement(table: string, columns: readonly string[] | undefined, token?: string): string {
  const [named, format] =
    columns === undefined ? ["", "JSONEachRow"] : [` (${columns.map(identifier).join(", ")})`, "JSONCompactEachRow"];
  const settings = token === undefined ? "" : ` SETTINGS insert_deduplication_token = '${token}'`;
  return `INSERT INTO ${table}${named}${settings} FORMAT ${format}`;
}
