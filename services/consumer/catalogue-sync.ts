import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { parse } from "postgres-array";
import type { ClickHouse } from "../clickhouse/index.ts";
import { type PostgresTable, readTable, type SqlClient } from "./enrichment/postgres.ts";
import { type Attributes, type ItemRow, mergeItem } from "./rows.ts";

export interface CatalogueSyncOptions {
  readonly clickhouse: ClickHouse;
  readonly postgres: SqlClient;
  readonly table: PostgresTable;
  readonly refreshSeconds: number;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface CatalogueSync {
  /** Reads the table once, now. @returns how many items had changed */
  sync(): Promise<number>;
  /** Ends the regular reading. */
  close(): Promise<void>;
}

/** Keeps `items` equal to a table of the shop's: reads it every `refreshSeconds` and stores the rows that changed. */
export function startCatalogueSync(options: CatalogueSyncOptions): CatalogueSync {
  const { clickhouse, postgres, table, logger, now } = options;
  const known = new Map<string, string>();

  const sync = async () => {
    let changed = 0;
    for await (const page of readTable(postgres, table)) {
      const rows: ItemRow[] = [];
      for (const [itemId, columns] of page) {
        const content = JSON.stringify(columns);
        if (known.get(itemId) === content) continue;
        known.set(itemId, content);
        rows.push(itemFromColumns(itemId, columns, now()));
      }
      await clickhouse.insert("items", rows).catch((error: unknown) => {
        for (const row of rows) known.delete(row.item_id);
        throw error;
      });
      changed += rows.length;
    }
    return changed;
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
    },
  };
}

/** Columns by the names of an item's fields; a name that is none of these becomes an attribute of its own. */
export function itemFromColumns(itemId: string, columns: Attributes, now: number): ItemRow {
  const { name, description, categories, tags, price, currency, stock, hidden, createdAt, ...attributes } = columns;
  const created = createdAt === undefined ? Number.NaN : Date.parse(createdAt);
  return mergeItem(undefined, {
    itemId,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(categories === undefined ? {} : { categories: textList(categories) }),
    ...(tags === undefined ? {} : { tags: textList(tags) }),
    ...(price === undefined || !Number.isFinite(Number(price)) ? {} : { price: Number(price) }),
    ...(currency === undefined ? {} : { currency }),
    ...(stock === undefined || !Number.isSafeInteger(Number(stock)) ? {} : { stock: Number(stock) }),
    ...(hidden === undefined ? {} : { hidden: hidden === "true" || hidden === "t" }),
    ...(Number.isNaN(created) ? {} : { createdAt: created }),
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, JSON.stringify(value)])),
    updatedAt: now,
  });
}

/** A Postgres array as text, `{a,"b c"}`, or plain text with commas. */
function textList(text: string): string[] {
  return text.startsWith("{") ? parse(text) : text.split(",").map((part) => part.trim());
}
