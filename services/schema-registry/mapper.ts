import { MAX_RECORD_BYTES, type RecordMapper } from "../activity/index.ts";
import type { RecordDecoder } from "./decoder.ts";

/** The mapper of a topic whose records carry the id of their schema (`format: SchemaRegistry`). */
export function decodingMapper(mapper: RecordMapper, decoder: RecordDecoder): RecordMapper {
  return {
    prepare: (records, signal) =>
      decoder.learn(
        records.map(({ value }) => value),
        signal,
      ),
    map(record, now) {
      // Refused for its size, whatever it holds.
      if (record.value.byteLength > MAX_RECORD_BYTES) return mapper.map(record, now);
      const decoded = decoder.decode(record.value);
      if ("json" in decoded) return mapper.map({ ...record, value: decoded.json }, now);
      if ("value" in decoded) return mapper.mapDecoded(record, decoded.value, now);
      return { activities: [], rejection: { reason: decoded.fault, path: "", message: decoded.message } };
    },
    mapDecoded: mapper.mapDecoded,
    mapParsed: mapper.mapParsed,
  };
}
