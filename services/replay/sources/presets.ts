import {
  SEED_TOPICS,
  SEGMENT_ORDER_REFUNDS,
  SEGMENT_PRODUCT_EVENTS,
  SEGMENT_PRODUCT_LISTS,
  type TopicSpec,
} from "../../activity/index.ts";

/** Where the records of a layout go. */
export interface Preset {
  /** What cannot be told apart goes to the first. */
  readonly topics: readonly [TopicSpec, ...TopicSpec[]];
  /** The topic of a record, by its number in `topics`. */
  topicOf(record: Readonly<Record<string, unknown>>): number;
}

function single(topic: TopicSpec): Preset {
  return { topics: [topic], topicOf: () => 0 };
}

/** The seed topics: a record with `checkout_id` is a checkout. */
export const SEED_PRESET: Preset = {
  topics: SEED_TOPICS as readonly [TopicSpec, ...TopicSpec[]],
  topicOf: (record) => (Object.hasOwn(record, "checkout_id") ? 1 : 0),
};

const SEGMENT_CONTEXT = {
  url: "/context/page/url",
  referrer: "/context/page/referrer",
  userAgent: "/context/userAgent",
  ipAddress: "/context/ip",
} as const;

const SEGMENT_ACTOR = {
  eventId: "/messageId",
  userId: "/userId",
  anonymousId: "/anonymousId",
  sessionId: "/context/sessionId",
  event: "/event",
} as const;

/**
 * Segment `track` calls. Calls about one product and calls that list products (orders) have their fields in different
 * places, so they are two topics, told apart by the array `properties.products`.
 */
export const SEGMENT_PRESET: Preset = {
  topics: [
    {
      name: "segment",
      record: "Event",
      mapping: {
        fields: {
          ...SEGMENT_ACTOR,
          ...SEGMENT_CONTEXT,
          itemId: "properties.product_id",
          price: "properties.price",
          quantity: "properties.quantity",
          currency: "properties.currency",
          "properties.order_id": "properties.order_id",
        },
        eventNames: { ...SEGMENT_PRODUCT_EVENTS, ...SEGMENT_ORDER_REFUNDS },
        occurredAt: { path: "timestamp", format: "ISO8601", timeZone: "Etc/UTC" },
      },
    },
    {
      name: "segment-orders",
      record: "Event",
      mapping: {
        forEach: "properties.products",
        fields: {
          ...SEGMENT_ACTOR,
          ...SEGMENT_CONTEXT,
          itemId: "product_id",
          price: "price",
          quantity: "quantity",
          currency: "/properties/currency",
          "properties.order_id": "/properties/order_id",
        },
        eventNames: SEGMENT_PRODUCT_LISTS,
        occurredAt: { path: "/timestamp", format: "ISO8601", timeZone: "Etc/UTC" },
      },
    },
  ],
  topicOf({ properties }) {
    const isObject = typeof properties === "object" && properties !== null;
    return isObject && "products" in properties && Array.isArray(properties.products) ? 1 : 0;
  },
};

/** OTTO: a record is a session with its events. */
export const OTTO_PRESET: Preset = single({
  name: "otto",
  record: "Event",
  mapping: {
    forEach: "events",
    fields: { sessionId: "/session", itemId: "aid", event: "type" },
    eventNames: { clicks: "view", carts: "add_to_cart", orders: "purchase" },
    occurredAt: { path: "ts", format: "EpochMillis", timeZone: "Etc/UTC" },
  },
});

/** UCI Online Retail: a record is a line of an invoice; rows without a customer are anonymous sessions by invoice. */
export const UCI_PRESET: Preset = single({
  name: "uci",
  record: "Event",
  event: "purchase",
  mapping: {
    fields: {
      userId: "CustomerID",
      sessionId: "InvoiceNo",
      itemId: "StockCode",
      price: "UnitPrice",
      quantity: "Quantity",
      "properties.country": "Country",
      "properties.description": "Description",
    },
    occurredAt: { path: "InvoiceDate", format: "ISO8601", timeZone: "Etc/UTC" },
  },
});

export const UCI_COLUMNS: readonly string[] = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country",
];

const RETAILROCKET_EVENTS = { view: "view", addtocart: "add_to_cart", transaction: "purchase" } as const;

/** RetailRocket by the CSV's header: the shortened one with seconds, and the one that the data set was published with. */
export const RETAILROCKET_PRESETS: Readonly<Record<string, Preset>> = {
  "timestamp_s,user,event,item": single({
    name: "retailrocket",
    record: "Event",
    mapping: {
      fields: { userId: "user", itemId: "item", event: "event" },
      eventNames: RETAILROCKET_EVENTS,
      occurredAt: { path: "timestamp_s", format: "EpochSeconds", timeZone: "Etc/UTC" },
    },
  }),
  "timestamp,visitorid,event,itemid,transactionid": single({
    name: "retailrocket",
    record: "Event",
    mapping: {
      fields: { userId: "visitorid", itemId: "itemid", event: "event", "properties.transaction_id": "transactionid" },
      eventNames: RETAILROCKET_EVENTS,
      occurredAt: { path: "timestamp", format: "EpochMillis", timeZone: "Etc/UTC" },
    },
  }),
};

/** A topic of the resource. */
export function topicPreset(topic: TopicSpec): Preset {
  return single(topic);
}
