/**
 * Records of a schema registry (Avro, Protobuf, JSON Schema), decoded before they are mapped.
 */
export { type Decoded, type DecoderOptions, openRecordDecoder, type RecordDecoder } from "./decoder.ts";
export { SchemaRegistryError, type SchemaRegistryErrorCode } from "./errors.ts";
export { decodingMapper } from "./mapper.ts";
export type { SchemaRegistryOptions } from "./request.ts";
