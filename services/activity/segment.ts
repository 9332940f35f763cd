/** The names of Segment's e-commerce specification that ProductMatcher knows; every other name is the shop's own. */

/** Calls about one product. */
export const SEGMENT_PRODUCT_EVENTS: Readonly<Record<string, string>> = {
  "Product Viewed": "view",
  "Product Clicked": "click",
  "Product Added": "add_to_cart",
  "Product Removed": "remove_from_cart",
};

/** Calls that take an order back: its lines when the call lists `products`, else all of it. */
export const SEGMENT_ORDER_REFUNDS: Readonly<Record<string, string>> = {
  "Order Refunded": "refund",
  "Order Cancelled": "refund",
};

/** Calls that list `products`: one event for each. */
export const SEGMENT_PRODUCT_LISTS: Readonly<Record<string, string>> = {
  "Order Completed": "purchase",
  "Product List Viewed": "impression",
  ...SEGMENT_ORDER_REFUNDS,
};
