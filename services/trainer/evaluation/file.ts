/** Files of activity, read by ClickHouse itself. */
import { open } from "node:fs/promises";
import { extname } from "node:path";
import { type ClickHouse, identifier } from "../../clickhouse/index.ts";
import { DataSetError } from "./fault.ts";

export const FILE_FORMATS = ["csv", "tsv", "parquet", "jsonl", "lists"] as const;

/** `lists`: a line is a user and its items, separated by spaces, as the papers' data sets come. */
export type FileFormat = (typeof FILE_FORMATS)[number];

export interface DataFile {
  readonly path: string;
  readonly format: FileFormat;
  /** Of csv: what parts the columns. */
  readonly delimiter: string;
  /** Names in the order of the file; none for lists. */
  readonly columns: readonly Column[];
}

export interface Column {
  readonly name: string;
  /** As ClickHouse infers it. */
  readonly type: string;
}

const FORMAT_BY_EXTENSION: Readonly<Record<string, FileFormat>> = {
  ".csv": "csv",
  ".tsv": "tsv",
  ".parquet": "parquet",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "jsonl",
};

const CLICKHOUSE_FORMAT: Readonly<Record<FileFormat, string>> = {
  csv: "CSVWithNames",
  tsv: "TSVWithNames",
  parquet: "Parquet",
  jsonl: "JSONEachRow",
  lists: "LineAsString",
};

const HEAD_BYTES = 65_536;

/**
 * Looks at a file: its format (by its name, else by its first line) and its columns.
 *
 * @throws DataSetError
 */
export async function openFile(clickhouse: ClickHouse, path: string, format?: FileFormat): Promise<DataFile> {
  if (/[*?{}]/.test(path)) {
    throw new DataSetError("file_unreadable", `${path}: *, ?, { and } stand for many files to ClickHouse: rename it`);
  }
  const firstLine = await readFirstLine(path);
  const known = format ?? FORMAT_BY_EXTENSION[extname(path).toLowerCase()] ?? formatOfLine(path, firstLine);
  const delimiter = known === "csv" ? delimiterOf(firstLine) : "\t";
  const file: DataFile = { path, format: known, delimiter, columns: [] };
  if (known === "lists") return file;
  return { ...file, columns: await describe(clickhouse, file) };
}

/**
 * The FROM clause that reads the file. Columns of text formats are read as they are written ("007" stays "007"), also
 * numbers of JSON; nested columns and Parquet keep their types.
 */
export function fromFile(file: DataFile): { sql: string; parameters: Record<string, string> } {
  const parameters = { path: file.path };
  const format = CLICKHOUSE_FORMAT[file.format];
  if (file.format === "parquet") return { sql: `file({path:String}, ${format})`, parameters };
  const columns = file.format === "lists" ? [{ name: "line", type: "String" }] : file.columns;
  const structure = columns
    .map(({ name, type }) => `${identifier(name)} ${isNested(type) ? type : "String"}`)
    .join(", ");
  return { sql: `file({path:String}, ${format}, {structure:String})`, parameters: { ...parameters, structure } };
}

/** Settings that reading the file needs: rows in the order of the file, other columns passed over. */
export function readSettings(file: DataFile): string {
  return `max_threads = 1, max_parsing_threads = 1, input_format_parallel_parsing = 0,
  input_format_skip_unknown_fields = 1, input_format_csv_allow_variable_number_of_columns = 0,
  format_csv_delimiter = '${file.delimiter === "\t" ? "\\t" : file.delimiter}'`;
}

export function isNested(type: string): boolean {
  return /^(Array|Tuple|Map|Nested|JSON|Object)\b/.test(type);
}

async function describe(clickhouse: ClickHouse, file: DataFile): Promise<Column[]> {
  const format = CLICKHOUSE_FORMAT[file.format];
  const sql = `DESCRIBE TABLE file({path:String}, ${format}) SETTINGS ${readSettings(file)}`;
  const rows = await clickhouse.query<Column>(sql, { path: file.path }).catch((cause: unknown) => {
    const found = cause instanceof Error ? cause.message.split(": (in file")[0] : String(cause);
    throw new DataSetError("file_unreadable", `${file.path} cannot be read as ${file.format}: ${found}`, { cause });
  });
  return rows.map(({ name, type }) => ({ name, type }));
}

async function readFirstLine(path: string): Promise<string> {
  try {
    const handle = await open(path);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      if (bytesRead === 0) throw new DataSetError("file_unreadable", `${path} is empty`);
      return buffer.subarray(0, bytesRead).toString("utf8").split(/\r?\n/, 1)[0] ?? "";
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof DataSetError) throw cause;
    throw new DataSetError("file_unreadable", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function formatOfLine(path: string, line: string): FileFormat {
  if (line.startsWith("PAR1")) return "parquet";
  if (line.startsWith("{")) return "jsonl";
  if (line.includes("\t")) return "tsv";
  if (/[,;|]/.test(line)) return "csv";
  if (/^\S+( \S+)*\s*$/.test(line)) return "lists";
  throw new DataSetError(
    "format_unknown",
    `${path} begins with ${JSON.stringify(line.slice(0, 60))}: name its format with --format ${FILE_FORMATS.join("|")}`,
  );
}

function delimiterOf(header: string): string {
  const counts = [",", ";", "|", "\t"].map((delimiter) => ({ delimiter, count: header.split(delimiter).length }));
  return counts.reduce((best, candidate) => (candidate.count > best.count ? candidate : best)).delimiter;
}
