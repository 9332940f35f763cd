export { filledTables } from "./filling.ts";
export { type ShopOptions, shopRouter } from "./router.ts";
export { TABLES } from "./tables.ts";
