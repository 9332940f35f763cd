import type { StockedItem } from "../catalogue.ts";
import type { ShopUser } from "../shoppers.ts";

/** An item in ProductMatcher's own JSON, for a topic with `record: Item`; `brand` is an attribute of the catalogue. */
export function itemLine({ createdAt, ...item }: StockedItem): string {
  return JSON.stringify({ ...item, createdAt: new Date(createdAt).toISOString() });
}

/** A user in ProductMatcher's own JSON, for a topic with `record: User`. */
export function userLine(user: ShopUser): string {
  return JSON.stringify(user);
}
