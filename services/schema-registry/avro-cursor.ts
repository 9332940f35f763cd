/**
 * A place in the bytes of an Avro record. Nothing is read beyond the end and no count is believed: four bytes can claim
 * an array of a billion entries.
 */
import { exactInteger } from "./numbers.ts";
import { UndecodableError } from "./undecodable.ts";

/** Of arrays and maps of one record, all together; entries that take a byte each stay far below it. */
const MAX_ENTRIES = 1_048_576;
const MAX_DEPTH = 100;
const MAX_VARINT_BYTES = 10;
/** So many bytes of seven bits fit into a double. */
const EXACT_BYTES = 7;

export class AvroCursor {
  readonly #bytes: Buffer;
  #at = 0;
  #entries = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** An int or a long; a text of digits beyond 2^53. */
  integer(): number | string {
    const start = this.#at;
    let value = 0;
    let unit = 1;
    for (let count = 0; count < EXACT_BYTES; count += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      unit *= 128;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    this.#at = start;
    return exactInteger(this.bigInteger());
  }

  bigInteger(): bigint {
    let value = 0n;
    for (let count = 0; count < MAX_VARINT_BYTES; count += 1) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
    throw new UndecodableError(`an integer before byte ${this.#at} has more than ${MAX_VARINT_BYTES} bytes`);
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#truncated();
    this.#at += 1;
    return byte;
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    if (length > this.left) throw this.#truncated();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  bytes(): Buffer {
    return this.take(this.#length());
  }

  text(): string {
    const length = this.#length();
    if (length > this.left) throw this.#truncated();
    this.#at += length;
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }

  /** How many entries the next block of an array or map has; 0 ends it. */
  blockEntries(): number {
    const count = this.integer();
    // A negative count is followed by the block's size in bytes, for readers that skip it.
    if (Number(count) < 0) this.integer();
    const entries = Math.abs(Number(count));
    this.#entries += entries;
    if (this.#entries > MAX_ENTRIES) throw new UndecodableError(`an array or map of ${entries} entries`);
    return entries;
  }

  /** Reads a value that may hold values of its own kind. */
  nested<Value>(read: (cursor: AvroCursor) => Value): Value {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new UndecodableError(`more than ${MAX_DEPTH} records within each other`);
    const value = read(this);
    this.#depth -= 1;
    return value;
  }

  #length(): number {
    const length = this.integer();
    if (typeof length === "number" && length >= 0) return length;
    throw new UndecodableError(`a length of ${length} before byte ${this.#at}`);
  }

  #truncated(): UndecodableError {
    return new UndecodableError(`the content ends in the middle of a value, at byte ${this.#bytes.length}`);
  }
}
