import { createTable, type Layout } from "../layout.ts";
import type { Migration } from "./migration.ts";

/** What models hold of people like a person, and of items whoever asks. */
export const modelPeopleAndItems: Migration = {
  version: 11,
  name: "model people and items",
  statements: (layout: Layout) => [
    ...createTable(
      {
        name: "model_user_neighbours",
        columns: `
  version String,
  actor_id String,
  neighbours Array(String) COMMENT 'actors, the most similar first',
  weights Array(Float32) COMMENT 'cosine'`,
        engine: "MergeTree",
        partitionBy: "version",
        orderBy: "(version, actor_id)",
        shardBy: "actor_id",
      },
      layout,
    ),
    ...createTable(
      {
        name: "model_item_features",
        columns: `
  version String,
  item_id String,
  names Array(LowCardinality(String)) COMMENT 'such as popularity or affinity.device.mobile; others are not known',
  values Array(Float32)`,
        engine: "MergeTree",
        partitionBy: "version",
        orderBy: "(version, item_id)",
        shardBy: "item_id",
      },
      layout,
    ),
  ],
};
