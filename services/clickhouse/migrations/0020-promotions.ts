import { createTable, type Layout } from "../layout.ts";
import type { Migration } from "./migration.ts";

/** Which model was served when, and what it took the place of: what roll back goes by, and what people look up. */
export const promotions: Migration = {
  version: 20,
  name: "promotions",
  statements: (layout: Layout) =>
    createTable(
      {
        name: "model_promotions",
        columns: `
  promoted_at DateTime64(3, 'UTC'),
  alias LowCardinality(String),
  version String,
  replaces String COMMENT 'the version that the alias named before; empty: none',
  cause Enum8('training' = 1, 'promote' = 2, 'rollback' = 3)`,
        engine: "MergeTree",
        orderBy: "(promoted_at, alias)",
        shardBy: "alias",
      },
      layout,
    ),
};
