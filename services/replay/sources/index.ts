import { basename, resolve } from "node:path";
import type { TopicSpec } from "../../activity/index.ts";
import { compileAddress } from "./address.ts";
import { detectFormat, type Head, plainHeader, readHead, retailrocketPreset, unknownLayout } from "./detect.ts";
import { countLines, type Row, readLines } from "./lines.ts";
import {
  OTTO_PRESET,
  type Preset,
  SEED_PRESET,
  SEGMENT_PRESET,
  topicPreset,
  UCI_COLUMNS,
  UCI_PRESET,
} from "./presets.ts";
import { type ReplayFormat, type ReplayRecord, type ReplaySource, ReplaySourceError } from "./source.ts";
import { type FileEngine, parquetColumns, stageCsv, stageParquet } from "./staging.ts";

export {
  REPLAY_FORMATS,
  type ReplayFormat,
  type ReplayRecord,
  type ReplaySource,
  ReplaySourceError,
  type ReplaySourceErrorCode,
} from "./source.ts";
export type { FileEngine } from "./staging.ts";

/** Of a batch's values; one record above it still goes, alone. */
const MAX_BATCH_BYTES = 8_388_608;

export interface ReplaySourceOptions {
  /** Reads CSV and Parquet; it must see this machine's files, and is not used for JSON lines. */
  readonly engine: FileEngine;
  /** The topic of the resource that the file's JSON lines belong to, instead of a known layout. */
  readonly topic?: TopicSpec;
  /** Fill in each record's `occurredAt` (to replay at a multiple of recorded time). Default false. */
  readonly readTimes?: boolean;
}

/** Records of a layout, wherever they are read from. */
interface Rows {
  readonly preset: Preset;
  readonly count: number;
  read(): AsyncGenerator<Row[], void, undefined>;
  close(): Promise<void>;
}

/**
 * Opens a file for replay. CSV and Parquet are staged in a table of the engine's current database, named by the file:
 * one replay of a file at a time.
 *
 * @param format `auto` goes by the content, or takes `jsonlines` when `options.topic` is given.
 * @throws ReplaySourceError on a file that is not there, has no known layout or cannot be read
 */
export async function openReplaySource(
  path: string,
  format: ReplayFormat | "auto",
  options: ReplaySourceOptions,
): Promise<ReplaySource> {
  const head = await readHead(path);
  const known = format === "auto" ? (options.topic === undefined ? detectFormat(path, head) : "jsonlines") : format;
  const rows = await openRows(path, known, head, options);
  const addressOf = compileAddress(rows.preset, options.readTimes ?? false);
  const file = basename(path);
  return {
    format: known,
    topics: rows.preset.topics,
    records: rows.count,
    batches: (size) => inBatches(rows.read(), size, (row) => toRecord(row, file, addressOf)),
    close: () => rows.close(),
  };
}

async function openRows(path: string, format: ReplayFormat, head: Head, options: ReplaySourceOptions): Promise<Rows> {
  switch (format) {
    case "seed":
      return openLines(path, SEED_PRESET);
    case "segment":
      return openLines(path, SEGMENT_PRESET);
    case "otto":
      return openLines(path, OTTO_PRESET);
    case "jsonlines":
      if (options.topic === undefined) throw unknownLayout(path, "JSON lines without a topic");
      if (head.isParquet) throw unknownLayout(path, `Parquet for topic ${options.topic.name}, which takes JSON lines`);
      return openLines(path, topicPreset(options.topic));
    case "retailrocket":
      return openCsv(path, head, options.engine);
    case "uci":
      return openParquet(path, head, options.engine);
  }
}

async function openLines(path: string, preset: Preset): Promise<Rows> {
  return { preset, count: await countLines(path), read: () => readLines(path), close: async () => {} };
}

async function openCsv(path: string, { lines: [header = ""] }: Head, engine: FileEngine): Promise<Rows> {
  const preset = retailrocketPreset(header);
  if (preset === undefined) throw unknownLayout(path, `as CSV its header is ${JSON.stringify(header.slice(0, 200))}`);
  const staged = await stageCsv(engine, enginePath(path), plainHeader(header).split(","));
  return { preset, count: staged.count, read: staged.read, close: staged.drop };
}

async function openParquet(path: string, { isParquet }: Head, engine: FileEngine): Promise<Rows> {
  if (!isParquet) throw unknownLayout(path, "it is not Parquet");
  const columns = await parquetColumns(engine, enginePath(path)).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ReplaySourceError("unreadable", path, `begins like Parquet and cannot be read as such: ${reason}`, {
      cause,
    });
  });
  if (!UCI_COLUMNS.every((column) => columns.includes(column))) {
    throw unknownLayout(path, `Parquet with the columns ${columns.join(", ")}`);
  }
  const staged = await stageParquet(engine, enginePath(path));
  return { preset: UCI_PRESET, count: staged.count, read: staged.read, close: staged.drop };
}

/** ClickHouse takes some characters of a path as a pattern and would read other files. */
function enginePath(path: string): string {
  const absolute = resolve(path);
  if (!/[*?{}]/.test(absolute)) return absolute;
  const message = "ClickHouse reads * ? { } in a path as a pattern: rename the file or its folder";
  throw new ReplaySourceError("path_unsupported", path, message);
}

function toRecord({ number, bytes }: Row, file: string, addressOf: ReturnType<typeof compileAddress>): ReplayRecord {
  const json = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return { ...addressOf(json), value: bytes, recordId: `${file}#${number}` };
}

async function* inBatches(
  reads: AsyncIterable<readonly Row[]>,
  size: number,
  toRecordOf: (row: Row) => ReplayRecord,
): AsyncGenerator<ReplayRecord[], void, undefined> {
  let batch: ReplayRecord[] = [];
  let bytes = 0;
  for await (const rows of reads) {
    for (const row of rows) {
      if (batch.length > 0 && bytes + row.bytes.byteLength > MAX_BATCH_BYTES) {
        yield batch;
        batch = [];
        bytes = 0;
      }
      batch.push(toRecordOf(row));
      bytes += row.bytes.byteLength;
      if (batch.length < size) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}
