import type { ClickHouseSettings } from "@clickhouse/client";

export interface StatementLimits {
  readonly timeoutSeconds: number;
  /** Of memory. */
  readonly statementBytes?: number;
}

/** Of every statement. */
export function sessionSettings({ timeoutSeconds, statementBytes }: StatementLimits): ClickHouseSettings {
  return {
    max_execution_time: timeoutSeconds,
    ...(statementBytes === undefined ? {} : { max_memory_usage: String(statementBytes) }),
    output_format_json_quote_64bit_integers: 1,
    output_format_json_quote_decimals: 1,
    input_format_skip_unknown_fields: 0,
    join_use_nulls: 0,
    // A batch of late events may touch more months than the default of 100 (code 252 fails the whole batch).
    max_partitions_per_insert_block: "0",
    // Acknowledged means stored on the shards, not queued on the server that took it.
    distributed_foreground_insert: 1,
    // An insert that failed between a table and its feed: its repeat must still reach the feed.
    deduplicate_blocks_in_dependent_materialized_views: 1,
  };
}
