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

const SEARCH = `
SELECT ${COLUMNS}, count(*) OVER ()::int AS total
FROM products
WHERE ($1::text = '' OR $1 = ANY(string_to_array(categories, ',')))
  AND position(lower($2::text) IN lower(concat_ws(' ', name, id, categories, tags, brand))) > 0
ORDER BY created_at DESC, id
LIMIT $3::int OFFSET $4::int`;

const CATEGORIES = `
SELECT category, count(*)::int AS items
FROM products, unnest(string_to_array(categories, ',')) AS category
GROUP BY category
ORDER BY items DESC, category`;

const CUSTOMERS = "SELECT id, username FROM users ORDER BY length(id), id LIMIT $1::int";

const text = z.string().nullable().transform(String);
const texts = z
  .string()
  .nullable()
  .transform((listed) => (listed ?? "").split(",").filter(Boolean));
const row = z
  .object({ id: z.string(), name: text, description: text, categories: texts, tags: texts, brand: text })
  .extend({ price: z.coerce.number(), currency: text, stock: z.coerce.number(), created_at: text })
  .transform(
    ({ created_at, brand, ...item }): Item => ({
      ...item,
      hidden: false,
      createdAt: Date.parse(created_at),
      picture: null,
      attributes: { brand },
    }),
  );
const found = z.array(z.object({ total: z.int() }));
const counts = z.array(z.object({ category: z.string(), items: z.int() }));
const customers = z.array(z.object({ id: z.string(), username: text }));

export function stockOf(postgres: SqlClient): Stock {
  const rows = async (sql: string, ...parameters: unknown[]) => (await postgres.query(sql, parameters)).rows;
  return {
    async items(ids) {
      const items = z.array(row).parse(await rows(ITEMS, ids));
      return new Map(items.map((item) => [item.id, item]));
    },
    async search({ text, category, limit, offset }) {
      const page = await rows(SEARCH, category, text, limit, offset);
      return { items: z.array(row).parse(page), total: found.parse(page)[0]?.total ?? 0 };
    },
    categories: async () => counts.parse(await rows(CATEGORIES)),
    customers: async (limit) => customers.parse(await rows(CUSTOMERS, limit)),
  };
}
