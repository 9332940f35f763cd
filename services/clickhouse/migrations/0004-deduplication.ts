import { identifier } from "../identifier.ts";
import type { Layout } from "../layout.ts";
import type { Migration } from "./migration.ts";

/** Inserts that a table remembers. A retry follows its first try at once, but other consumers insert in between. */
const WINDOW = 1_000;

/** What the sink inserts, and what feeds on it; Replicated tables remember by default. */
const TABLES = ["events", "touches", "dead_letters"];

/** An insert that is made again, because its acknowledgement was lost, adds nothing to merge away. */
export const deduplication: Migration = {
  version: 4,
  name: "deduplication",
  statements: (layout: Layout) =>
    layout.cluster === undefined
      ? TABLES.map(
          (table) =>
            `ALTER TABLE ${identifier(layout.database)}.${identifier(table)} MODIFY SETTING non_replicated_deduplication_window = ${WINDOW}`,
        )
      : [],
};
