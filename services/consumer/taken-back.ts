/** What came back of an order. Everything here is pure: the same lines give the same answer, whatever came first. */

/** A purchase or a refund that names its order, as the table has it. */
export interface OrderLine {
  readonly event: "purchase" | "refund";
  readonly event_id: string;
  readonly actor_id: string;
  readonly user_id: string;
  readonly anonymous_id: string;
  readonly session_id: string;
  /** `""`: a refund of the whole order. */
  readonly item_id: string;
  /** Milliseconds since 1970, UTC. */
  readonly occurred_at: number;
  readonly price: string | null;
  readonly quantity: number;
  readonly currency: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970, UTC. */
  readonly ingested_at: number;
}

export interface PurchaseTakenBack {
  readonly purchase: OrderLine;
  /** Pieces that refunds of the item took back: the smallest event id first, never more than were bought. */
  readonly singly: number;
  /** Pieces that the refund of the order took back: all that were left. */
  readonly wholly: number;
}

export interface OrderTakenBack {
  readonly purchases: readonly PurchaseTakenBack[];
  /** The earliest refund of the whole order; `null` when there is none. */
  readonly refund: OrderLine | null;
  /** Greater with every line that is known, so that of two answers the one that knew more holds. */
  readonly version: number;
}

export function takenBack(lines: readonly OrderLine[]): OrderTakenBack {
  const refunds = lines.filter(({ event }) => event === "refund");
  const [refund = null] = refunds.filter(({ item_id }) => item_id === "").sort(byTimeAndId);
  const left = new Map<string, number>();
  for (const { item_id, quantity } of refunds) left.set(item_id, (left.get(item_id) ?? 0) + quantity);
  const purchases = lines
    .filter(({ event }) => event === "purchase")
    .sort(byId)
    .map((purchase) => {
      const { item_id, quantity } = purchase;
      const singly = Math.min(quantity, left.get(item_id) ?? 0);
      left.set(item_id, (left.get(item_id) ?? 0) - singly);
      return { purchase, singly, wholly: refund === null ? 0 : quantity - singly };
    });
  const youngest = lines.reduce((latest, { ingested_at }) => Math.max(latest, ingested_at), 0);
  return { purchases, refund, version: youngest + lines.length };
}

function byId(one: OrderLine, other: OrderLine): number {
  return one.event_id < other.event_id ? -1 : one.event_id > other.event_id ? 1 : 0;
}

function byTimeAndId(one: OrderLine, other: OrderLine): number {
  return one.occurred_at - other.occurred_at || byId(one, other);
}
