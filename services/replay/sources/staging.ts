import { createHash } from "node:crypto";
import type { ClickHouse, Parameters } from "../../clickhouse/index.ts";
import type { Row } from "./lines.ts";

/** What reading files needs of ClickHouse: an engine that sees this machine's files. */
export type FileEngine = Pick<ClickHouse, "query" | "command">;

/** Rows of a file in a table of their own, by row number, so that they can be read a range at a time. */
export interface StagedRows {
  readonly count: number;
  read(): AsyncGenerator<Row[], void, undefined>;
  drop(): Promise<void>;
}

const ROWS_PER_READ = 10_000;

/** Small blocks: by default an insert gathers a million rows in memory. */
const IN_BOUNDED_MEMORY = `max_threads = 1, max_insert_threads = 1, max_block_size = 8192,
           min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 0`;

/** Bytes as text where they are UTF-8, else in base64, since query results are text. */
const READ_ROWS = `
  SELECT row,
         if(isValidUTF8(value), value, '') AS text,
         if(isValidUTF8(value), '', base64Encode(value)) AS bytes
  FROM {table:Identifier}
  WHERE row > {after:UInt64}
  ORDER BY row
  LIMIT {limit:UInt32}`;

/** Parquet: one JSON object a row, by column name; times as ISO 8601. */
const STAGE_PARQUET = `
  INSERT INTO {table:Identifier}
  SELECT _row_number + 1, formatRowNoNewline('JSONEachRow', *)
  FROM file({path:String}, 'Parquet')
  SETTINGS date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0,
           input_format_parquet_max_block_size = 8192, ${IN_BOUNDED_MEMORY}`;

/**
 * CSV without line breaks in cells: a row of as many cells as the header has becomes a JSON object of texts; any other
 * stays the line that it is. Reading by lines keeps one stray quote from swallowing the rows after it.
 */
const STAGE_CSV = `
  INSERT INTO {table:Identifier}
  WITH {columns:Array(String)} AS columns,
       trimRight(line, '\\r') AS text,
       arrayMap(cell -> replaceRegexpOne(cell, '^"(.*)"$', '\\\\1'), splitByChar(',', text)) AS cells
  SELECT _row_number,
         if(length(cells) = length(columns),
            toJSONString(mapFromArrays(columns, arrayResize(cells, length(columns)))),
            text)
  FROM file({path:String}, 'LineAsString')
  WHERE _row_number > 0 AND text != ''
  SETTINGS input_format_parallel_parsing = 0, ${IN_BOUNDED_MEMORY}`;

/** @param path absolute. @throws ClickHouseError when it is not Parquet */
export function stageParquet(engine: FileEngine, path: string): Promise<StagedRows> {
  return stage(engine, path, STAGE_PARQUET, {});
}

/** @param path absolute; its first line is the header that `columns` were read from. */
export function stageCsv(engine: FileEngine, path: string, columns: readonly string[]): Promise<StagedRows> {
  return stage(engine, path, STAGE_CSV, { columns });
}

/** Names of a Parquet file's columns. @throws ClickHouseError when it is not Parquet */
export async function parquetColumns(engine: FileEngine, path: string): Promise<string[]> {
  const columns = await engine.query<{ name: string }>("DESCRIBE TABLE file({path:String}, 'Parquet')", { path });
  return columns.map(({ name }) => name);
}

async function stage(engine: FileEngine, path: string, insert: string, parameters: Parameters): Promise<StagedRows> {
  // Named by the file, so that one left over by a killed process is replaced and not added to.
  const table = `replay_staging_${createHash("sha256").update(path).digest("hex").slice(0, 16)}`;
  const drop = () => engine.command("DROP TABLE IF EXISTS {table:Identifier} SYNC", { table });
  await drop();
  await engine.command("CREATE TABLE {table:Identifier} (row UInt64, value String) ENGINE = MergeTree ORDER BY row", {
    table,
  });
  try {
    await engine.command(insert, { table, path, ...parameters });
    const [counted] = await engine.query<{ rows: string }>("SELECT count() AS rows FROM {table:Identifier}", { table });
    return { count: Number(counted?.rows ?? 0), read: () => readStaged(engine, table), drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

async function* readStaged(engine: FileEngine, table: string): AsyncGenerator<Row[], void, undefined> {
  for (let after = 0; ; ) {
    const rows = await engine.query<{ row: string; text: string; bytes: string }>(READ_ROWS, {
      table,
      after,
      limit: ROWS_PER_READ,
    });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(({ row, text, bytes }) => ({
      number: Number(row),
      bytes: bytes === "" ? Buffer.from(text) : Buffer.from(bytes, "base64"),
    }));
    after = Number(last.row);
  }
}
