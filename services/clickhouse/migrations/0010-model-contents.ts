import { createTable, type Layout } from "../layout.ts";
import type { Migration } from "./migration.ts";

/** What models hold beside neighbours and rankings: past sessions, a vector for each item, weights of rankers. */
export const modelContents: Migration = {
  version: 10,
  name: "model contents",
  statements: (layout: Layout) => [
    ...createTable(
      {
        name: "model_sessions",
        columns: `
  version String,
  session UInt32 COMMENT 'the youngest is 0',
  ended_at DateTime64(3, 'UTC'),
  items Array(String) COMMENT 'distinct, in the order in which they were touched last'`,
        engine: "MergeTree",
        partitionBy: "version",
        orderBy: "(version, session)",
        shardBy: "session",
      },
      layout,
    ),
    ...createTable(
      {
        name: "model_vectors",
        columns: `
  version String,
  item_id String,
  vector Array(Float32) COMMENT 'of sessionNeighbours its rarity, of factorisation its factors'`,
        engine: "MergeTree",
        partitionBy: "version",
        orderBy: "(version, item_id)",
        shardBy: "item_id",
      },
      layout,
    ),
    ...createTable(
      {
        name: "model_weights",
        columns: `
  version String,
  feature String COMMENT 'of a ranker, such as itemNeighbours.score',
  weight Float64`,
        engine: "MergeTree",
        partitionBy: "version",
        orderBy: "(version, feature)",
        shardBy: "feature",
      },
      layout,
    ),
  ],
};
