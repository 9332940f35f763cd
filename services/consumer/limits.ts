/**
 * What a consumer process on Kafka and a ClickHouse server holds at most, so that it stays under 350 MB (measured as the
 * operator starts it, with `--max-semi-space-size=8` and `MALLOC_ARENA_MAX=2`: 296 MiB at most): two batches, what its
 * subscription reads ahead, and one fetch more.
 */
export const CONSUMER_LIMITS = {
  batch: { maxRecords: 4_000, maxBytes: 8 * 1024 * 1024 },
  /** For `openKafkaLog`. */
  maxBufferedBytes: 8 * 1024 * 1024,
} as const;
