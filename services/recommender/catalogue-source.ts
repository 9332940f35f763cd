import type { ClickHouse } from "../clickhouse/index.ts";
import type { Catalogue, CatalogueItem } from "./catalogue.ts";

/** Items a query: results are held in memory whole. */
const PAGE = 10_000;
/** Changes that reach the table late, with times of their own, are still seen when no older than this. */
const OVERLAP_MILLISECONDS = 60_000;
/** All items are read again this often: a change may be stored long after the time it carries. */
const COMPLETE_MILLISECONDS = 600_000;

const COLUMNS = `item_id, name, categories, price, hidden,
  toUnixTimestamp64Milli(coalesce(created_at, updated_at)) AS since,
  toUnixTimestamp64Milli(updated_at) AS changed_at`;

const PAGE_OF_ITEMS = `
SELECT ${COLUMNS}
FROM items FINAL
WHERE item_id > {after:String}
ORDER BY item_id
LIMIT {limit:UInt32}`;

const CHANGED_ITEMS = `
SELECT ${COLUMNS}
FROM items
WHERE updated_at >= fromUnixTimestamp64Milli({since:Int64})
ORDER BY updated_at DESC
LIMIT 1 BY item_id`;

interface ItemRow {
  readonly item_id: string;
  readonly name: string;
  readonly categories: string[];
  readonly price: string | null;
  readonly hidden: boolean;
  readonly since: string;
  readonly changed_at: string;
}

/** Keeps a catalogue as the table `items` is. */
export class CatalogueSource {
  readonly #clickhouse: ClickHouse;
  readonly #catalogue: Catalogue;
  readonly #now: () => number;
  /** The latest change seen, by the items' own time. */
  #watermark = 0;
  #completedAt: number | undefined;

  constructor(clickhouse: ClickHouse, catalogue: Catalogue, now: () => number) {
    this.#clickhouse = clickhouse;
    this.#catalogue = catalogue;
    this.#now = now;
  }

  /** Reads everything the first time, later what changed. @throws ClickHouseError */
  async refresh(): Promise<void> {
    const now = this.#now();
    if (this.#completedAt === undefined || now - this.#completedAt >= COMPLETE_MILLISECONDS) {
      await this.#readAll();
      this.#completedAt = now;
    } else {
      const since = Math.max(0, this.#watermark - OVERLAP_MILLISECONDS);
      this.#apply(await this.#clickhouse.query<ItemRow>(CHANGED_ITEMS, { since }));
    }
  }

  async #readAll(): Promise<void> {
    let after: string | undefined = "";
    while (after !== undefined) {
      const rows: ItemRow[] = await this.#clickhouse.query<ItemRow>(PAGE_OF_ITEMS, { after, limit: PAGE });
      this.#apply(rows);
      after = rows.length === PAGE ? rows.at(-1)?.item_id : undefined;
    }
  }

  #apply(rows: readonly ItemRow[]): void {
    for (const row of rows) this.#watermark = Math.max(this.#watermark, Number(row.changed_at));
    this.#catalogue.apply(rows.map(catalogueItem));
  }
}

function catalogueItem(row: ItemRow): CatalogueItem {
  return {
    itemId: row.item_id,
    name: row.name,
    categories: row.categories,
    price: row.price === null ? null : Number(row.price),
    hidden: row.hidden,
    since: Number(row.since),
  };
}
