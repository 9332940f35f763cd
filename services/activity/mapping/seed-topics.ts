import type { MappingSpec, TopicSpec } from "./topic-spec.ts";

const DATETIME_OCCURED: NonNullable<MappingSpec["occurredAt"]> = {
  path: "datetime_occured",
  format: "Pattern",
  pattern: "yyyy-MM-dd HH:mm:ss.SSS",
  timeZone: "Etc/UTC",
};

/**
 * The two topics that every example starts from: `clicks` (click_id, user_id, product_id, product, price, url,
 * user_agent, ip_address, datetime_occured) and `checkouts` (checkout_id, user_id, product_id, payment_method,
 * total_amount, shipping_address, billing_address, user_agent, ip_address, datetime_occured).
 */
export const SEED_TOPICS: readonly TopicSpec[] = [
  {
    name: "clicks",
    record: "Event",
    event: "view",
    mapping: {
      fields: {
        eventId: "click_id",
        userId: "user_id",
        itemId: "product_id",
        price: "price",
        url: "url",
        userAgent: "user_agent",
        ipAddress: "ip_address",
      },
      occurredAt: DATETIME_OCCURED,
    },
  },
  {
    name: "checkouts",
    record: "Event",
    event: "purchase",
    mapping: {
      fields: {
        eventId: "checkout_id",
        userId: "user_id",
        itemId: "product_id",
        price: "total_amount",
        userAgent: "user_agent",
        ipAddress: "ip_address",
        "properties.payment_method": "payment_method",
        "properties.shipping_address": "shipping_address",
        "properties.billing_address": "billing_address",
      },
      occurredAt: DATETIME_OCCURED,
    },
  },
];
