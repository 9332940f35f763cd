import { open, stat } from "node:fs/promises";
import { type Preset, RETAILROCKET_PRESETS } from "./presets.ts";
import { type ReplayFormat, ReplaySourceError } from "./source.ts";

const HEAD_BYTES = 1_048_576;
const PARQUET_MAGIC = "PAR1";
const BYTE_ORDER_MARK = "\uFEFF";
const MAX_SHOWN = 120;

/** The beginning of a file. */
export interface Head {
  readonly isParquet: boolean;
  /** Whole lines that are not blank, as text. */
  readonly lines: readonly string[];
}

/** @throws ReplaySourceError when there is no such file or it is not a plain one */
export async function readHead(path: string): Promise<Head> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new ReplaySourceError("not_found", path, "no such file, or it cannot be read", { cause });
  });
  if (!found.isFile()) throw new ReplaySourceError("not_a_file", path, "is not a plain file; replay reads one file");
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(HEAD_BYTES, found.size)), 0);
    const head = buffer.subarray(0, bytesRead);
    const lines = head.toString("utf8").replace(BYTE_ORDER_MARK, "").split(/\r?\n/);
    if (bytesRead < found.size) lines.pop();
    return {
      isParquet: head.subarray(0, PARQUET_MAGIC.length).toString("latin1") === PARQUET_MAGIC,
      lines: lines.filter((line) => line !== ""),
    };
  } finally {
    await file.close();
  }
}

/**
 * The layout of a file by its content; of JSON lines by the first one that shows it.
 *
 * @throws ReplaySourceError naming what was seen and the layouts that are known
 */
export function detectFormat(path: string, { isParquet, lines }: Head): Exclude<ReplayFormat, "jsonlines"> {
  if (isParquet) return "uci";
  const [first] = lines;
  if (first !== undefined && retailrocketPreset(first) !== undefined) return "retailrocket";
  for (const line of lines) {
    const format = formatOfRecord(line);
    if (format !== null) return format;
  }
  throw unknownLayout(path, first === undefined ? "it has no line" : `it begins with ${shorten(first)}`);
}

/** By the header, quoted or not. */
export function retailrocketPreset(header: string): Preset | undefined {
  return RETAILROCKET_PRESETS[plainHeader(header)];
}

export function plainHeader(header: string): string {
  return header.replaceAll('"', "");
}

export function unknownLayout(path: string, seen: string): ReplaySourceError {
  return new ReplaySourceError("layout_unknown", path, `unknown layout: ${seen}. ${KNOWN_LAYOUTS}`);
}

const KNOWN_LAYOUTS = `Known are:
  seed          JSON lines with click_id or checkout_id
  segment       JSON lines of track calls: "type":"track" with "event" and "messageId"
  otto          JSON lines with "session" and "events"
  retailrocket  CSV with the header ${Object.keys(RETAILROCKET_PRESETS).join(" or ")}
  uci           Parquet with the columns of UCI Online Retail
For JSON lines of another shape name a topic of the resource that maps them (--topic NAME).`;

function formatOfRecord(line: string): "seed" | "segment" | "otto" | null {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof record !== "object" || record === null) return null;
  if ("click_id" in record || "checkout_id" in record) return "seed";
  if ("session" in record && "events" in record) return "otto";
  const isCall = "type" in record && ("messageId" in record || "event" in record);
  return isCall ? "segment" : null;
}

function shorten(line: string): string {
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}...` : line;
}
