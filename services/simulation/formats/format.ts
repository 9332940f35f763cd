import type { ShopEvent } from "../events.ts";

/** A way to write the shop's events as lines of text. */
export interface LineFormat {
  /** Whether the format can say this at all; events it cannot say are left out. */
  accepts(event: ShopEvent): boolean;
  /** Lines without their newline, of events in order of time that are all accepted. */
  lines(events: Iterable<ShopEvent>): Iterable<string>;
}

/** Where an item's page is. */
export function itemUrl(itemId: string): string {
  return `https://shop.example/products/${itemId}`;
}

/** `YYYY-MM-DD HH:MM:SS.mmm`, UTC. */
export function sqlTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 23).replace("T", " ");
}

/** Euros times pieces, in whole cents. */
export function amount(price: number, quantity: number): number {
  return Math.round(price * 100 * quantity) / 100;
}
