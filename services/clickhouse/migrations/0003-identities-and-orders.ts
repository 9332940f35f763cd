import { identifier } from "../identifier.ts";
import { createFeed, createTable, createView, type Layout } from "../layout.ts";
import type { Migration } from "./migration.ts";

const LINE_COLUMNS = `event, topic, properties['order_id'], event_id, actor_id, user_id, anonymous_id, session_id, item_id, occurred_at, price,
  quantity, currency, partition, offset, ingested_at`;

/** Who an anonymous visitor turned out to be, what that adds to attribution, and what came back of which order. */
export const identitiesAndOrders: Migration = {
  version: 3,
  name: "identities and orders",
  statements: (layout: Layout) => [
    ...createTable(
      {
        name: "identities",
        columns: `
  anonymous_id String,
  link SimpleAggregateFunction(min, Tuple(DateTime64(3, 'UTC'), String)) COMMENT 'the first sign-in: when, and as whom',
  seen_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))`,
        engine: "AggregatingMergeTree",
        orderBy: "anonymous_id",
        expires: "seen_at",
        indexGranularity: 1024,
      },
      layout,
    ),
    ...createTable(
      {
        name: "user_identities",
        columns: `
  user_id String,
  anonymous_id String COMMENT 'signed in as this user at some time; identities says whether it is its first',
  linked_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
  seen_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))`,
        engine: "AggregatingMergeTree",
        orderBy: "(user_id, anonymous_id)",
        // Where the feed leaves a row: on the shard of the identity.
        shardBy: "anonymous_id",
        expires: "seen_at",
        indexGranularity: 1024,
      },
      layout,
    ),
    createFeed(
      "user_identities_feed",
      {
        from: "identities",
        to: "user_identities",
        select: "SELECT tupleElement(link, 2) AS user_id, anonymous_id, tupleElement(link, 1) AS linked_at, seen_at",
      },
      layout,
    ),
    ...createTable(
      {
        name: "joined_touches",
        columns: `
  actor_id String COMMENT 'of the conversion',
  item_id String,
  checkout_id String,
  touch_actor_id String COMMENT 'another actor, the same person as long as identities say so',
  occurred_at SimpleAggregateFunction(anyLast, DateTime64(3, 'UTC')) COMMENT 'of the conversion',
  first_touch SimpleAggregateFunction(min, Tuple(DateTime64(3, 'UTC'), String)),
  last_touch SimpleAggregateFunction(max, Tuple(DateTime64(3, 'UTC'), String))`,
        engine: "AggregatingMergeTree",
        orderBy: "(actor_id, item_id, checkout_id, touch_actor_id)",
        shardBy: "actor_id",
        expires: "occurred_at",
        indexGranularity: 1024,
      },
      layout,
    ),
    ...createTable(
      {
        name: "order_lines",
        columns: `
  event LowCardinality(String) COMMENT 'purchase or refund',
  topic LowCardinality(String),
  order_id String,
  event_id String,
  actor_id String,
  user_id String,
  anonymous_id String,
  session_id String,
  item_id String COMMENT 'empty: the whole order',
  occurred_at DateTime64(3, 'UTC'),
  price Nullable(Decimal(18, 4)),
  quantity UInt32,
  currency LowCardinality(String),
  partition UInt32,
  offset UInt64,
  ingested_at DateTime64(3, 'UTC')`,
        engine: "ReplacingMergeTree",
        version: "ingested_at",
        // Refunds are few: whether any of a batch's orders has one is looked up among these alone.
        orderBy: "(event, topic, order_id, event_id)",
        shardBy: "order_id",
        expires: "occurred_at",
        indexGranularity: 1024,
      },
      layout,
    ),
    ...createTable(
      {
        name: "refunded_checkouts",
        columns: `
  actor_id String,
  item_id String,
  checkout_id String,
  quantity UInt32 COMMENT 'pieces that came back',
  occurred_at DateTime64(3, 'UTC') COMMENT 'of the conversion',
  version DateTime64(3, 'UTC') COMMENT 'later the more of the order was known'`,
        engine: "ReplacingMergeTree",
        version: "version",
        orderBy: "(actor_id, item_id, checkout_id)",
        shardBy: "actor_id",
        expires: "occurred_at",
        indexGranularity: 1024,
      },
      layout,
    ),
    createView("checkouts", checkouts(identifier(layout.database)), layout),
    `INSERT INTO ${identifier(layout.database)}.identities
SELECT anonymous_id, min((occurred_at, user_id)), max(occurred_at) FROM ${identifier(layout.database)}.events
WHERE user_id != '' AND anonymous_id != '' AND NOT startsWith(user_id, 'anonymous:')
GROUP BY anonymous_id, user_id
SETTINGS max_bytes_before_external_group_by = 1000000000`,
    `INSERT INTO ${identifier(layout.database)}.order_lines
SELECT ${LINE_COLUMNS} FROM ${identifier(layout.database)}.events
WHERE event IN ('purchase', 'refund') AND properties['order_id'] != ''`,
  ],
};

/** Every conversion once, as it stands today: with the touches of everyone that the actor is, less what came back. */
function checkouts(database: string): string {
  const owners = `(
  SELECT concat('anonymous:', anonymous_id) AS actor_id, tupleElement(min(link), 2) AS user_id
  FROM ${database}.identities GROUP BY anonymous_id
)`;
  return `
SELECT
  checkout.checkout_id AS checkout_id,
  checkout.actor_id AS actor_id,
  if(self.user_id = '', checkout.actor_id, self.user_id) AS person_id,
  checkout.user_id AS user_id,
  checkout.item_id AS item_id,
  checkout.occurred_at AS occurred_at,
  checkout.price AS price,
  checkout.quantity AS quantity,
  checkout.currency AS currency,
  checkout.user_attributes AS user_attributes,
  checkout.properties AS properties,
  if(joined.checkout_id = '', checkout.first_touch, least(checkout.first_touch, joined.first_touch)) AS first_touch,
  if(joined.checkout_id = '', checkout.last_touch, greatest(checkout.last_touch, joined.last_touch)) AS last_touch,
  least(checkout.quantity, refunded.quantity) AS refunded_quantity,
  checkout.price * (checkout.quantity - refunded_quantity) AS revenue
FROM (SELECT * FROM ${database}.attributed_checkouts FINAL) AS checkout
GLOBAL LEFT JOIN ${owners} AS self ON self.actor_id = checkout.actor_id
GLOBAL LEFT JOIN (
  SELECT
    touch.actor_id AS actor_id, touch.item_id AS item_id, touch.checkout_id AS checkout_id,
    min(touch.first_touch) AS first_touch, max(touch.last_touch) AS last_touch
  FROM ${database}.joined_touches AS touch
  GLOBAL LEFT JOIN ${owners} AS earner ON earner.actor_id = touch.actor_id
  GLOBAL LEFT JOIN ${owners} AS toucher ON toucher.actor_id = touch.touch_actor_id
  WHERE if(earner.user_id = '', touch.actor_id, earner.user_id) = if(toucher.user_id = '', touch.touch_actor_id, toucher.user_id)
  GROUP BY touch.actor_id, touch.item_id, touch.checkout_id
) AS joined
  ON joined.actor_id = checkout.actor_id AND joined.item_id = checkout.item_id AND joined.checkout_id = checkout.checkout_id
GLOBAL LEFT JOIN (SELECT * FROM ${database}.refunded_checkouts FINAL) AS refunded
  ON refunded.actor_id = checkout.actor_id AND refunded.item_id = checkout.item_id
  AND refunded.checkout_id = checkout.checkout_id`;
}
