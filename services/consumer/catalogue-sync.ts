import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { parse as parseArray } from "postgres-array";
import type { ItemRecord, RecordMapper } from "../activity/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { PostgresTable, SqlClient } from "../postgres/index.ts";
import { storeItems } from "./catalogue.ts";
import { readTable } from "./enrichment/index.ts";
import type { Attributes } from "./rows.ts";

export interface CatalogueSyncOptions {
  /** A connection of its own: it runs one statement at a time. */
  readonly clickhouse: ClickHouse;
  readonly postgres: SqlClient;
  readonly table: PostgresTable;
  /** Of a topic of items without mapping: rows of the table are read by the same rules as records. */
  readonly mapper: RecordMapper;
  /** Attributes of the catalogue that are lists of texts. */
  readonly listAttributes: readonly string[];
  readonly refreshSeconds: number;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface CatalogueSync {
  /**
   * Reads the table once, now; joins a reading under way.
   *
   * @returns how many items had changed
   * @throws ClickHouseError, or the error of Postgres
   */
  sync(): Promise<number>;
  /** Ends the regular reading. */
  close(): Promise<void>;
}

/**
 * Brings a table of the shop's into `items`: reads it every `refreshSeconds` and stores the rows that changed, by their
 * columns; what no column says stays as it was. Items that left the table stay, so that history keeps its names: a
 * `hidden` column takes them out of answers.
 */
export function startCatalogueSync(options: CatalogueSyncOptions): CatalogueSync {
  const { table, logger } = options;
  const known = new Map<string, string>();
  let underWay: Promise<number> | null = null;
  const sync = () => {
    underWay ??= readChanges(options, known).finally(() => {
      underWay = null;
    });
    return underWay;
  };

  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await sync();
      } catch (error) {
        logger.warn({ err: error, table: table.table }, "the catalogue could not be read; trying again later");
      }
      await sleep(options.refreshSeconds * 1000, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    sync,
    async close() {
      stopping.abort();
      await loop;
      await underWay?.catch(() => {});
    },
  };
}

/** @param known content of each row that needs no storing again, by key; it is brought up to date */
async function readChanges(options: CatalogueSyncOptions, known: Map<string, string>): Promise<number> {
  const { clickhouse, postgres, table, logger } = options;
  let changed = 0;
  for await (const page of readTable(postgres, table)) {
    const fresh = new Map<string, string>();
    const changes: { readonly change: ItemRecord }[] = [];
    for (const [itemId, columns] of page) {
      const content = JSON.stringify(columns);
      if (known.get(itemId) === content) continue;
      fresh.set(itemId, content);
      const item = readItem(itemId, columns, options);
      if ("itemId" in item) changes.push({ change: item });
      else logger.warn({ table: table.table, item: itemId, ...item }, "a row of the catalogue was not accepted");
    }
    const refused = await storeItems(clickhouse, changes);
    for (const { row, message } of refused) {
      logger.warn(
        { table: table.table, item: row.change.itemId, message },
        "ClickHouse refused a row of the catalogue",
      );
    }
    for (const [itemId, content] of fresh) known.set(itemId, content);
    changed += changes.length - refused.length;
  }
  return changed;
}

/** Columns by the names of an item's fields and of the catalogue's attributes; why not, when a value is at fault. */
function readItem(
  itemId: string,
  columns: Attributes,
  { table, mapper, listAttributes, now }: CatalogueSyncOptions,
): ItemRecord | { readonly reason: string; readonly message: string } {
  const lists = ["categories", "tags", ...listAttributes];
  const fields = Object.entries(columns).map(([name, text]) => {
    if (name === "embedding") return [name, numbersOf(text)];
    return [name, lists.includes(name) ? textsOf(text) : text];
  });
  const timestamp = now();
  const value = Buffer.from(JSON.stringify({ ...Object.fromEntries(fields), itemId, updatedAt: timestamp }));
  const record = { topic: table.table, partition: 0, offset: 0, value, headers: {}, timestamp };
  const { activities, rejection } = mapper.map(record, timestamp);
  if (rejection !== null) return rejection;
  const [activity] = activities;
  if (activity?.kind !== "item") throw new Error("the mapper of the catalogue must be one of items");
  return activity.item;
}

/** A Postgres array (`{a,"b c"}`), or plain text with commas. */
function textsOf(text: string): string[] {
  return text.startsWith("{") ? parseArray(text) : text.split(",").map((part) => part.trim());
}

/** A Postgres array (`{1,2}`) or vector (`[1,2]`). */
function numbersOf(text: string): number[] {
  return text.slice(1, -1).split(",").map(Number);
}
