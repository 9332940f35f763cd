/**
 * Records packed one after another in a run of bytes, as they cross the thread boundary and lie in the table. Two runs
 * of one partition that follow each other are joined by joining their bytes. Little-endian:
 *
 *     float64 timestamp | int32 key length, -1 for null | uint32 headers length | uint32 value length
 *     key (UTF-8) | headers (JSON text, nothing when there are none) | value
 *
 * Offsets are not stored: record i of a run has the offset of its first plus i.
 */
import type { LogRecord, OutgoingRecord } from "../index.ts";
import { EmbeddedLogError } from "./errors.ts";

/** A segment takes no further record once it has reached either. Larger ones are no faster and cost more to seek in. */
const SEGMENT_BYTES = 256 * 1024;
const SEGMENT_RECORDS = 2_000;
/** Of key, headers and value together; well below SQLite's limit of 10^9 for a row. */
export const MAX_RECORD_BYTES = 256 * 1024 * 1024;

const HEADER_BYTES = 20;
const FIRST_CAPACITY = 4 * 1024;
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** Bytes in memory that the record takes while it waits, to within its headers. */
export function sizeOf(record: OutgoingRecord): number {
  return HEADER_BYTES + (record.key?.length ?? 0) + record.value.byteLength;
}

/** @throws EmbeddedLogError `invalid_record` when it cannot be stored as it is. */
export function checkRecord(record: OutgoingRecord): void {
  if (sizeOf(record) > MAX_RECORD_BYTES) {
    throw new EmbeddedLogError(
      "invalid_record",
      `a record of ${sizeOf(record)} bytes is above ${MAX_RECORD_BYTES}: split it, or store it elsewhere and log a link`,
    );
  }
  if (record.timestamp !== undefined && !Number.isSafeInteger(record.timestamp)) {
    throw new EmbeddedLogError(
      "invalid_record",
      `the timestamp ${record.timestamp} is not a whole number of milliseconds since 1970`,
    );
  }
}

/** Packs the records of one partition; give it no more once `isFull`. */
export class SegmentWriter {
  recordCount = 0;
  maxTimestamp = Number.NEGATIVE_INFINITY;
  #buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #view = viewOf(this.#buffer);
  #length = 0;

  get isFull(): boolean {
    return this.#length >= SEGMENT_BYTES || this.recordCount >= SEGMENT_RECORDS;
  }

  /** @param now taken when the record has no timestamp of its own */
  add(record: OutgoingRecord, now: number): void {
    const { key, value } = record;
    const headers = encodeHeaders(record.headers);
    const start = this.#length;
    this.#reserve(HEADER_BYTES + 3 * (key?.length ?? 0) + 3 * headers.length + value.byteLength);
    const timestamp = record.timestamp ?? now;

    let end = start + HEADER_BYTES;
    const keyLength = key === null ? -1 : this.#buffer.write(key, end);
    end += Math.max(keyLength, 0);
    const headersLength = headers === "" ? 0 : this.#buffer.write(headers, end);
    end += headersLength;
    this.#buffer.set(value, end);

    this.#view.setFloat64(start, timestamp, true);
    this.#view.setInt32(start + 8, keyLength, true);
    this.#view.setUint32(start + 12, headersLength, true);
    this.#view.setUint32(start + 16, value.byteLength, true);
    this.#length = end + value.byteLength;
    this.recordCount++;
    this.maxTimestamp = Math.max(this.maxTimestamp, timestamp);
  }

  /** The packed records, alone in their ArrayBuffer, which can be transferred. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.byteLength));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
    this.#view = viewOf(larger);
  }
}

/** Reads packed records in order. Values are views of the packed bytes, not copies. */
export class SegmentReader {
  /** Of the next record. */
  offset: number;
  remaining: number;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  #position = 0;

  constructor(packed: Uint8Array, baseOffset: number, recordCount: number) {
    this.#buffer = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
    this.#view = viewOf(packed);
    this.offset = baseOffset;
    this.remaining = recordCount;
  }

  get timestamp(): number {
    return this.#view.getFloat64(this.#position, true);
  }

  get valueBytes(): number {
    return this.#view.getUint32(this.#position + 16, true);
  }

  /** Of all records that are left. */
  get bytesLeft(): number {
    return this.#buffer.length - this.#position;
  }

  skip(): void {
    const key = Math.max(this.#view.getInt32(this.#position + 8, true), 0);
    const headers = this.#view.getUint32(this.#position + 12, true);
    this.#advance(this.#position + HEADER_BYTES + key + headers + this.valueBytes);
  }

  next(topic: string, partition: number): LogRecord {
    const { offset, timestamp, valueBytes } = this;
    const keyStart = this.#position + HEADER_BYTES;
    const keyLength = this.#view.getInt32(this.#position + 8, true);
    const headersStart = keyStart + Math.max(keyLength, 0);
    const valueStart = headersStart + this.#view.getUint32(this.#position + 12, true);
    const key = keyLength === -1 ? null : this.#buffer.toString("utf8", keyStart, headersStart);
    const headers = decodeHeaders(this.#buffer, headersStart, valueStart);
    const value = new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset + valueStart, valueBytes);
    this.#advance(valueStart + valueBytes);
    return { topic, partition, offset, key, value, headers, timestamp };
  }

  #advance(position: number): void {
    this.#position = position;
    this.offset++;
    this.remaining--;
  }
}

function encodeHeaders(headers: OutgoingRecord["headers"]): string {
  if (headers === undefined) return "";
  const text = JSON.stringify(headers);
  return text === "{}" ? "" : text;
}

function decodeHeaders(buffer: Buffer, start: number, end: number): Readonly<Record<string, string>> {
  return start === end ? NO_HEADERS : JSON.parse(buffer.toString("utf8", start, end));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
