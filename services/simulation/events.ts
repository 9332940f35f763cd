import type { CatalogueItem } from "./catalogue.ts";
import type { Visitor } from "./shoppers.ts";

export type ShopEventName = "view" | "add_to_cart" | "remove_from_cart" | "purchase" | "refund";

/** One thing that happened in the simulated shop. Times are milliseconds since 1970, UTC; absent text is `""`. */
export interface ShopEvent {
  /** Unique within a shop. */
  readonly eventId: string;
  readonly event: ShopEventName;
  /** `""` before signing in, and for visitors who never do. */
  readonly userId: string;
  /** The browser's own id; of one shopper always the same. */
  readonly anonymousId: string;
  /** The visit's number: unique within a shop, below 2^53. */
  readonly session: number;
  /** Of a purchase or refund: lines of one order share it and follow one another. */
  readonly orderId: string;
  readonly item: CatalogueItem;
  /** Pieces, at least 1. */
  readonly quantity: number;
  readonly occurredAt: number;
  readonly visitor: Visitor;
}
