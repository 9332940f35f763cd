import { createReadStream } from "node:fs";
import { ReplaySourceError } from "./source.ts";

const READ_BYTES = 1_048_576;
/** Far above any record that a log takes; a file without newlines would otherwise fill the memory. */
export const MAX_LINE_BYTES = 268_435_456;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface Row {
  /** From 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

/**
 * The lines of a file as bytes, split at newline bytes alone, a carriage return before it left out; what is in a line is
 * not looked at. Blank lines count but are left out; the last line needs no newline. Yields the lines of a read at once.
 *
 * @throws ReplaySourceError on a line longer than MAX_LINE_BYTES
 */
export async function* readLines(path: string): AsyncGenerator<Row[], void, undefined> {
  let number = 0;
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    const rows: Row[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const rest = chunk.subarray(start, end);
      number += 1;
      push(rows, number, begun.length === 0 ? rest : Buffer.concat([...begun, rest]));
      begun = [];
      begunBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
    begunBytes += chunk.length - start;
    if (begunBytes > MAX_LINE_BYTES) throw tooLong(path, number + 1);
    yield rows;
  }
  const last: Row[] = [];
  push(last, number + 1, Buffer.concat(begun));
  yield last;
}

/** How many lines readLines gives. */
export async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const rows of readLines(path)) count += rows.length;
  return count;
}

function push(rows: Row[], number: number, line: Buffer): void {
  const bytes = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  if (bytes.length > 0) rows.push({ number, bytes });
}

function tooLong(path: string, number: number): ReplaySourceError {
  const message = `line ${number} is longer than ${MAX_LINE_BYTES} bytes: this is no file of one JSON record a line`;
  return new ReplaySourceError("line_too_long", path, message);
}
