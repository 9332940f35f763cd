export { arrivals } from "./arrivals.ts";
export type { CatalogueItem, StockedItem } from "./catalogue.ts";
export type { ShopEvent, ShopEventName } from "./events.ts";
export { FORMATS, type FormatName, itemLine, type LineFormat, userLine, writeUciParquet } from "./formats/index.ts";
export { createShop, type EventRange, type LiveOptions, type ShopOptions, type SimulatedShop } from "./shop.ts";
export type { ShopUser, Visitor } from "./shoppers.ts";
export { createTables, fillTables, type ShopTables } from "./tables.ts";
