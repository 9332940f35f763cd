/**
 * Refunds and cancellations of whole orders: the refund names the order alone, so each line that was bought gets a
 * refund event of its own, derived here.
 */
import { ORDER_PROPERTY } from "../activity/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { inParts } from "./parts.ts";
import { EVENT_COLUMNS, type EventRow } from "./rows.ts";
import { type OrderLine, type OrderTakenBack, takenBack } from "./taken-back.ts";

/** Lines of one order that are looked at; refunds of the whole come first. */
const LINES_OF_ORDER = 2_000;
/** Bounds what is in memory at once. */
const ORDERS_AT_ONCE = 50;

interface Order {
  readonly topic: string;
  readonly order_id: string;
}

const REFUNDED = `
WITH orders AS (SELECT arrayJoin(arrayZip({topics:Array(String)}, {orders:Array(String)})))
SELECT DISTINCT topic, order_id FROM order_lines
WHERE event = 'refund' AND (topic, order_id) IN (orders)`;

const LINES = `
WITH orders AS (SELECT arrayJoin(arrayZip({topics:Array(String)}, {orders:Array(String)})))
SELECT * REPLACE (
  toUnixTimestamp64Milli(occurred_at) AS occurred_at, toUnixTimestamp64Milli(ingested_at) AS ingested_at
)
FROM (
  SELECT * FROM order_lines
  WHERE event IN ('purchase', 'refund') AND (topic, order_id) IN (orders)
  ORDER BY ingested_at DESC
  LIMIT 1 BY event, topic, order_id, event_id
)
ORDER BY event = 'refund' AND item_id = '' DESC, event_id
LIMIT {limit:UInt32} BY topic, order_id`;

type LineRow = Omit<OrderLine, "occurred_at" | "ingested_at" | "offset"> &
  Order & { readonly occurred_at: string; readonly ingested_at: string; readonly offset: string };

/**
 * Notes what the rows say of orders, and stores what came back of those that have a refund: a refund event for each
 * line of an order that was refunded whole, and the pieces that each checkout lost. Purchases may come after the refund;
 * the answer is computed from all lines of the order each time, and is the same whatever came first.
 *
 * @param rows as they were stored
 * @returns the refund events, which the recommenders must hear of
 * @throws ClickHouseError
 */
export async function takeBackOrders(clickhouse: ClickHouse, rows: readonly EventRow[]): Promise<EventRow[]> {
  const lines = rows.filter(namesOrder);
  if (lines.length === 0) return [];
  await clickhouse.insert("order_lines", lines.map(lineRow));
  const orders = new Map(lines.map((row) => [`${row.topic.length}/${row.topic}${orderOf(row)}`, orderKey(row)]));
  const derived: EventRow[] = [];
  for (const part of inParts(orders.values(), ({ order_id, topic }) => [topic, order_id])) {
    const refunded = await clickhouse.query<Order>(REFUNDED, parametersOf(part));
    for (let start = 0; start < refunded.length; start += ORDERS_AT_ONCE) {
      derived.push(...(await takeBack(clickhouse, refunded.slice(start, start + ORDERS_AT_ONCE))));
    }
  }
  return derived;
}

async function takeBack(clickhouse: ClickHouse, orders: readonly Order[]): Promise<EventRow[]> {
  const rows = await clickhouse.query<LineRow>(LINES, { ...parametersOf(orders), limit: LINES_OF_ORDER });
  const events: EventRow[] = [];
  const checkouts: object[] = [];
  for (const { topic, order_id } of orders) {
    const ofOrder = rows.filter((row) => row.topic === topic && row.order_id === order_id);
    const answer = takenBack(ofOrder.map(lineOf));
    events.push(...refundsOf(answer, { topic, order_id }));
    for (const { purchase, singly, wholly } of answer.purchases) {
      checkouts.push({
        actor_id: purchase.actor_id,
        item_id: purchase.item_id,
        checkout_id: purchase.event_id,
        quantity: singly + wholly,
        occurred_at: purchase.occurred_at,
        version: answer.version,
      });
    }
  }
  await clickhouse.insert("events", events, EVENT_COLUMNS);
  await clickhouse.insert("refunded_checkouts", checkouts);
  return events;
}

/**
 * One for each purchase, whatever refund took it back, so that a second refund of the order is no second time. Where all
 * its pieces had come back singly it has none left.
 */
function refundsOf({ refund, purchases, version }: OrderTakenBack, { topic, order_id }: Order): EventRow[] {
  if (refund === null) return [];
  return purchases.map(({ purchase, wholly }) => ({
    event_id: `${purchase.event_id}/refunded`,
    event: "refund",
    actor_id: purchase.actor_id,
    user_id: purchase.user_id,
    anonymous_id: purchase.anonymous_id,
    session_id: purchase.session_id,
    item_id: purchase.item_id,
    // What takes a purchase back comes after it, whatever the clocks say.
    occurred_at: Math.max(refund.occurred_at, purchase.occurred_at + 1),
    price: purchase.price,
    quantity: wholly,
    currency: purchase.currency,
    url: "",
    referrer: "",
    user_agent: "",
    ip_address: "",
    properties: { [ORDER_PROPERTY]: order_id, refund_id: refund.event_id, purchase_id: purchase.event_id },
    user_attributes: {},
    item_attributes: {},
    enriched: true,
    topic,
    partition: refund.partition,
    offset: refund.offset,
    ingested_at: version,
  }));
}

function namesOrder(row: EventRow): boolean {
  return (row.event === "purchase" || row.event === "refund") && orderOf(row) !== "";
}

function orderOf({ properties }: EventRow): string {
  return properties[ORDER_PROPERTY] ?? "";
}

function orderKey(row: EventRow): Order {
  return { topic: row.topic, order_id: orderOf(row) };
}

function parametersOf(orders: readonly Order[]) {
  return { topics: orders.map(({ topic }) => topic), orders: orders.map(({ order_id }) => order_id) };
}

function lineRow(row: EventRow): object {
  return {
    event: row.event,
    topic: row.topic,
    order_id: orderOf(row),
    event_id: row.event_id,
    actor_id: row.actor_id,
    user_id: row.user_id,
    anonymous_id: row.anonymous_id,
    session_id: row.session_id,
    item_id: row.item_id,
    occurred_at: row.occurred_at,
    price: row.price,
    quantity: row.quantity,
    currency: row.currency,
    partition: row.partition,
    offset: row.offset,
    ingested_at: row.ingested_at,
  };
}

function lineOf(row: LineRow): OrderLine {
  return {
    ...row,
    occurred_at: Number(row.occurred_at),
    ingested_at: Number(row.ingested_at),
    offset: Number(row.offset),
  };
}
