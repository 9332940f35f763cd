import type { ClickHouse } from "../clickhouse/index.ts";
import type { Catalogue, CatalogueItem } from "./catalogue.ts";

/** Items a query: results are held in memory whole. */
const PAGE = 10_000;
/** From the time that a row carries as stored until a reader sees it: the rest of its block, a replica that lags. */
const OVERLAP_MILLISECONDS = 30_000;
/** All items are read again this often: a replica may have lagged longer. */
const COMPLETE_MILLISECONDS = 600_000;

/** A row that was stored lately need not be the one that holds: its own time may be older than that of another. */
const STORED_SINCE = `item_id GLOBAL IN (
  SELECT item_id FROM items WHERE ingested_at >= fromUnixTimestamp64Milli({since:Int64})
)`;

function pageOf(condition: string): string {
  return `
SELECT item_id, name, categories, price, hidden, toUnixTimestamp64Milli(coalesce(created_at, updated_at)) AS since
FROM items FINAL
WHERE item_id > {after:String} AND ${condition}
ORDER BY item_id
LIMIT {limit:UInt32}`;
}

interface ItemRow {
  readonly item_id: string;
  readonly name: string;
  readonly categories: string[];
  readonly price: string | null;
  readonly hidden: boolean;
  readonly since: string;
}

/** Keeps a catalogue as the table `items` is. */
export class CatalogueSource {
  readonly #clickhouse: ClickHouse;
  readonly #catalogue: Catalogue;
  readonly #now: () => number;
  /** Up to when everything stored has been read, by the clock of ClickHouse. */
  #readUntil = 0;
  #completedAt: number | undefined;

  constructor(clickhouse: ClickHouse, catalogue: Catalogue, now: () => number) {
    this.#clickhouse = clickhouse;
    this.#catalogue = catalogue;
    this.#now = now;
  }

  /** Reads everything the first time, later what was stored since. @throws ClickHouseError */
  async refresh(): Promise<void> {
    const now = this.#now();
    const begun = await this.#storeTime();
    if (this.#completedAt === undefined || now - this.#completedAt >= COMPLETE_MILLISECONDS) {
      await this.#read(pageOf("true"), {});
      this.#completedAt = now;
    } else {
      await this.#read(pageOf(STORED_SINCE), { since: this.#readUntil - OVERLAP_MILLISECONDS });
    }
    this.#readUntil = begun;
  }

  async #storeTime(): Promise<number> {
    const [row] = await this.#clickhouse.query<{ now: string }>("SELECT toUnixTimestamp64Milli(now64(3)) AS now");
    return Number(row?.now ?? 0);
  }

  async #read(page: string, parameters: { readonly since?: number }): Promise<void> {
    let after: string | undefined = "";
    while (after !== undefined) {
      const rows: ItemRow[] = await this.#clickhouse.query<ItemRow>(page, { ...parameters, after, limit: PAGE });
      this.#catalogue.apply(rows.map(catalogueItem));
      after = rows.length === PAGE ? rows.at(-1)?.item_id : undefined;
    }
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
