import { createTable, type Layout } from "../layout.ts";
import type { Migration } from "./migration.ts";

/** Models: immutable versions, their content, and which version each algorithm serves. */
export const models: Migration = {
  version: 2,
  name: "models",
  statements: (layout: Layout) => [
    ...createTable(
      {
        name: "model_versions",
        columns: `
  version String,
  algorithm LowCardinality(String),
  status Enum8('published' = 1, 'refused' = 2, 'failed' = 3),
  reason String COMMENT 'why it was refused or failed',
  configuration String COMMENT 'JSON',
  data_from Nullable(DateTime64(3, 'UTC')),
  data_to Nullable(DateTime64(3, 'UTC')),
  events UInt64,
  actors UInt64,
  items UInt64,
  metrics Map(String, Float64) COMMENT 'by name, such as ndcg@20',
  entries UInt64 COMMENT 'rows of the model table',
  checksum String COMMENT 'of the model rows; verified before the model is served',
  fit_seconds Float64,
  created_at DateTime64(3, 'UTC')`,
        engine: "ReplacingMergeTree",
        version: "created_at",
        orderBy: "version",
      },
      layout,
    ),
    ...createTable(
      {
        name: "model_aliases",
        columns: `
  alias String COMMENT 'the algorithm that this version serves',
  version String,
  updated_at DateTime64(3, 'UTC')`,
        engine: "ReplacingMergeTree",
        version: "updated_at",
        orderBy: "alias",
      },
      layout,
    ),
    ...createTable(
      {
        name: "model_neighbours",
        columns: `
  version String,
  item_id String,
  neighbours Array(String) COMMENT 'the most similar first',
  weights Array(Float32)`,
        engine: "MergeTree",
        partitionBy: "version",
        orderBy: "(version, item_id)",
        shardBy: "item_id",
      },
      layout,
    ),
    ...createTable(
      {
        name: "model_rankings",
        columns: `
  version String,
  rank UInt32 COMMENT 'from 1',
  item_id String,
  score Float64`,
        engine: "MergeTree",
        partitionBy: "version",
        orderBy: "(version, rank)",
        shardBy: "item_id",
      },
      layout,
    ),
  ],
};
