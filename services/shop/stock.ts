/** What the shop's pages show, read from its own database. */
import { z } from "zod";
import type { Item, Search } from "../console/shop.ts";
import type { SqlClient } from "../postgres/index.ts";

export interface Customer {
  readonly id: string;
  readonly username: string;
}

export interface Stock {
  /** By id, those that are for sale. */
  items(ids: readonly string[]): Promise<ReadonlyMap<string, Item>>;
  /** The newest first. */
  search(search: Search): Promise<{ readonly items: readonly Item[]; readonly total: number }>;
  /** The largest first. */
  categories(): Promise<readonly { readonly category: string; readonly items: number }[]>;
  customers(limit: number): Promise<readonly Customer[]>;
}

const COLUMNS = "id, name, description, categories, tags, brand, price, currency, stock, created_at";

const ITEMS = `SELECT ${COLUMNS} FROM products WHERE id = ANY($1::text[])`;

const MATCHES = `
  ($1::text = '' OR $1 = ANY(string_to_array(categories, ',')))
  AND position(lower($2::text) IN lower(concat_ws(' ', name, id, categories, tags, brand))) > 0`;

const SEARCH = `
SELECT ${COLUMNS}
FROM products
WHERE ${MATCHES}
ORDER BY created_at DESC NULLS LAST, id
LIMIT $3::int OFFSET $4::int`;

/** By itself: a page beyond the last has no row that could say it. */
const FOUND = `SELECT count(*)::int AS total FROM products WHERE ${MATCHES}`;

const CATEGORIES = `
SELECT category, count(*)::int AS items
FROM products, unnest(string_to_array(categories, ',')) AS category
WHERE category <> ''
GROUP BY category
ORDER BY items DESC, category`;

const CUSTOMERS = "SELECT id, username FROM users ORDER BY length(id), id LIMIT $1::int";

/** Anybody may write into the tables: what a column should not hold is not known, and closes no page. */
const text = z.unknown().transform((value) => (value === null ? "" : String(value)));
const texts = text.transform((listed) => listed.split(",").filter(Boolean));
const number = text.transform((written) => known(written.trim() === "" ? Number.NaN : Number(written)));
const time = text.transform((written) => known(Date.parse(written)));
const row = z
  .object({ id: z.string(), name: text, description: text, categories: texts, tags: texts, brand: text })
  .extend({ price: number, currency: text, stock: number, created_at: time })
  .transform(
    ({ created_at, brand, ...item }): Item => ({
      ...item,
      hidden: false,
      createdAt: created_at,
      picture: null,
      attributes: { brand },
    }),
  );
const found = z.tuple([z.object({ total: z.int() })]);
const counts = z.array(z.object({ category: z.string(), items: z.int() }));
const customers = z.array(
  z
    .object({ id: z.string(), username: text })
    .transform(({ id, username }) => ({ id, username: username || `user ${id}` })),
);

export function stockOf(postgres: SqlClient): Stock {
  const rows = async (sql: string, ...parameters: unknown[]) => (await postgres.query(sql, parameters)).rows;
  return {
    async items(ids) {
      // A text of Postgres holds no NUL: no product has such an id.
      const possible = ids.filter((id) => !id.includes("\0"));
      const items = z.array(row).parse(await rows(ITEMS, possible));
      return new Map(items.map((item) => [item.id, item]));
    },
    async search({ text, category, limit, offset }) {
      const items = z.array(row).parse(await rows(SEARCH, category, text, limit, offset));
      const [{ total }] = found.parse(await rows(FOUND, category, text));
      return { items, total };
    },
    categories: async () => counts.parse(await rows(CATEGORIES)),
    customers: async (limit) => customers.parse(await rows(CUSTOMERS, limit)),
  };
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
