import type { ShopEvent } from "../events.ts";
import { amount, itemUrl, type LineFormat, sqlTime } from "./format.ts";

/**
 * The topics `clicks` and `checkouts` in one file of JSON lines, each line a record's value as it is; a line with
 * `checkout_id` belongs to `checkouts`. Views and purchases of users who are signed in: these topics know nobody else.
 */
export const SEED: LineFormat = {
  accepts: ({ event, userId }) => userId !== "" && (event === "view" || event === "purchase"),
  *lines(events) {
    for (const event of events) yield JSON.stringify(event.event === "view" ? click(event) : checkout(event));
  },
};

function click({ eventId, userId, item, visitor, occurredAt }: ShopEvent): object {
  return {
    click_id: eventId,
    user_id: userId,
    product_id: item.itemId,
    product: item.name,
    price: item.price,
    url: itemUrl(item.itemId),
    user_agent: visitor.userAgent,
    ip_address: visitor.ipAddress,
    datetime_occured: sqlTime(occurredAt),
  };
}

function checkout({ eventId, userId, item, quantity, visitor, occurredAt }: ShopEvent): object {
  return {
    checkout_id: eventId,
    user_id: userId,
    product_id: item.itemId,
    payment_method: visitor.paymentMethod,
    total_amount: amount(item.price, quantity),
    shipping_address: visitor.address,
    billing_address: visitor.address,
    user_agent: visitor.userAgent,
    ip_address: visitor.ipAddress,
    datetime_occured: sqlTime(occurredAt),
  };
}
