import type { ShopTables } from "../simulation/index.ts";

/** What the shop keeps in its database: what a pipeline writes under `enrichment.postgres` to read it. */
export const TABLES = {
  users: { table: "users", key: "id", columns: { username: "username" } },
  items: {
    table: "products",
    key: "id",
    columns: {
      name: "name",
      description: "description",
      categories: "categories",
      tags: "tags",
      brand: "brand",
      price: "price",
      currency: "currency",
      stock: "stock",
      createdAt: "created_at",
    },
  },
} as const satisfies ShopTables;
