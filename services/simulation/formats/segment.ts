import type { ShopEvent, ShopEventName } from "../events.ts";
import { amount, itemUrl, type LineFormat } from "./format.ts";

const NAMES: Readonly<Record<ShopEventName, string>> = {
  view: "Product Viewed",
  add_to_cart: "Product Added",
  remove_from_cart: "Product Removed",
  purchase: "Order Completed",
  refund: "Order Refunded",
};

/** Segment `track` calls with the names of its e-commerce specification; the lines of an order are one call. */
export const SEGMENT: LineFormat = {
  accepts: () => true,
  *lines(events) {
    let order: ShopEvent[] = [];
    for (const event of events) {
      if (order[0] !== undefined && !isSameCall(order[0], event)) {
        yield JSON.stringify(orderCall(order[0], order));
        order = [];
      }
      if (event.orderId === "") yield JSON.stringify(productCall(event));
      else order.push(event);
    }
    if (order[0] !== undefined) yield JSON.stringify(orderCall(order[0], order));
  },
};

function isSameCall(one: ShopEvent, other: ShopEvent): boolean {
  return one.orderId === other.orderId && one.event === other.event && one.occurredAt === other.occurredAt;
}

function productCall(event: ShopEvent): object {
  return call(event, product(event));
}

function orderCall(first: ShopEvent, lines: readonly ShopEvent[]): object {
  const cents = lines.reduce((sum, { item, quantity }) => sum + Math.round(item.price * 100) * quantity, 0);
  return call(first, {
    order_id: first.orderId,
    total: cents / 100,
    currency: first.item.currency,
    payment_method: first.visitor.paymentMethod,
    products: lines.map(product),
  });
}

function product({ item, quantity }: ShopEvent): object {
  return {
    product_id: item.itemId,
    name: item.name,
    brand: item.brand,
    category: item.categories.join("/"),
    price: item.price,
    quantity,
    currency: item.currency,
    value: amount(item.price, quantity),
  };
}

function call(
  { eventId, event, userId, anonymousId, session, item, visitor, occurredAt }: ShopEvent,
  properties: object,
) {
  return {
    type: "track",
    event: NAMES[event],
    messageId: eventId,
    ...(userId === "" ? {} : { userId }),
    anonymousId,
    timestamp: new Date(occurredAt).toISOString(),
    properties,
    context: {
      sessionId: String(session),
      ip: visitor.ipAddress,
      userAgent: visitor.userAgent,
      page: { url: itemUrl(item.itemId), referrer: "https://shop.example/" },
      library: { name: "productmatcher-simulate", version: "1" },
    },
  };
}
