/**
 * What a registry's serializers put before a record: a zero byte, the schema's id in four bytes, then the content.
 */
import { UndecodableError } from "./undecodable.ts";

const HEADER_BYTES = 5;

export interface Framed {
  readonly schemaId: number;
  readonly content: Uint8Array;
}

/** @throws UndecodableError for bytes of another format */
export function unframe(value: Uint8Array): Framed {
  if (value.length < HEADER_BYTES) {
    const found = value.length === 0 ? "is empty (a compacted topic's tombstone?)" : `has ${value.length} bytes`;
    throw new UndecodableError(`the record ${found}: expected a zero byte, four bytes of schema id, then the content`);
  }
  const first = value[0] ?? 0;
  if (first !== 0) {
    const hint = first === 0x7b || first === 0x5b ? "it looks like JSON: set format: JSON" : "is it of a registry?";
    throw new UndecodableError(`the record begins with byte ${first}, not with 0 and a schema's id; ${hint}`);
  }
  const schemaId = new DataView(value.buffer, value.byteOffset, value.byteLength).getInt32(1);
  return { schemaId, content: value.subarray(HEADER_BYTES) };
}
