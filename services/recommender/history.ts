/** What an actor did lately, as recommendations are computed from it. Everything here is pure. */

export type SeenPolicy = "Exclude" | "Decay" | "Include";

/** One event of an actor. */
export interface HistoryEvent {
  readonly event: string;
  /** Number of the item index. */
  readonly item: number;
  /** Milliseconds since 1970, UTC. */
  readonly occurredAt: number;
  readonly quantity: number;
  readonly eventId: string;
}

/** What the events of one item come to. */
export interface Interest {
  readonly item: number;
  /** How much the item says of what the actor wants; above 0. */
  readonly strength: number;
  /** What the `Decay` policy leaves of the item's own score, 0 (seen just now) to 1 (long ago). */
  readonly freshness: number;
}

export interface HistoryLimits {
  readonly items: number;
  readonly events: number;
}

export const HISTORY_LIMITS: HistoryLimits = { items: 50, events: 100 };

export interface InterestOptions {
  /** By event name, as in training; an event without a weight counts for nothing. */
  readonly weights: ReadonlyMap<string, number>;
  readonly halfLifeDays: number;
}

/** Events that undo an earlier one of the same item. */
const TAKES_BACK: ReadonlyMap<string, string> = new Map([
  ["refund", "purchase"],
  ["remove_from_cart", "add_to_cart"],
]);

const DAY = 86_400_000;
/** Half of an event's strength belongs to the visit in which it happens. */
const VISIT_HALF_LIFE = 3_600_000;
const SEEN_HALF_LIFE = 7 * DAY;

/** Whether an event can change a history at all. */
export function isRelevant(event: string, weights: ReadonlyMap<string, number>): boolean {
  return (weights.get(TAKES_BACK.get(event) ?? event) ?? 0) > 0;
}

/** The names of the events that can change a history. */
export function relevantEvents(weights: ReadonlyMap<string, number>): string[] {
  return [...new Set([...weights.keys(), ...TAKES_BACK.keys()])].filter((event) => isRelevant(event, weights)).sort();
}

/**
 * The history with one more event: in any order of arrival the same events give the same history. An event that is
 * there already, by name and id, is replaced. Beyond the limits the oldest events go.
 *
 * @param history the newest first, as this function returns it
 */
export function withEvent(
  history: readonly HistoryEvent[],
  event: HistoryEvent,
  limits: HistoryLimits = HISTORY_LIMITS,
): readonly HistoryEvent[] {
  const others = history.filter((other) => identity(other) !== identity(event));
  const place = others.findIndex((other) => isBefore(event, other));
  others.splice(place < 0 ? others.length : place, 0, event);
  return bounded(others, limits);
}

/**
 * The history of someone who has several, as if all events were in one.
 *
 * @param histories each the newest first
 */
export function mergeHistories(
  histories: readonly (readonly HistoryEvent[])[],
  limits: HistoryLimits = HISTORY_LIMITS,
): readonly HistoryEvent[] {
  const events = histories.flat().sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
  const known = new Set<string>();
  const distinct = events.filter((event) => !known.has(identity(event)) && known.add(identity(event)));
  return bounded(distinct, limits);
}

/** Sources number their own: a click and a checkout may both have the id 5. */
export function identity({ event, eventId }: Pick<HistoryEvent, "event" | "eventId">): string {
  return `${event}/${eventId}`;
}

function isBefore(a: HistoryEvent, b: HistoryEvent): boolean {
  return a.occurredAt !== b.occurredAt ? a.occurredAt > b.occurredAt : a.eventId < b.eventId;
}

function bounded(events: HistoryEvent[], limits: HistoryLimits): readonly HistoryEvent[] {
  const kept = events.slice(0, limits.events);
  const items = new Set<number>();
  return kept.filter(({ item }) => items.has(item) || (items.size < limits.items && items.add(item)));
}

/**
 * Strength of an item: for each kind of event its weight, halved with age by two clocks in equal parts, the training's
 * half-life and an hour; kinds add up, repeats of one kind do not (opening a page again is no second wish). Age counts
 * from the actor's newest event, so the answer depends on what happened and not on when it is asked. A refund takes
 * back purchases that came before it, piece by piece; a removal from the cart likewise.
 *
 * @param history the newest first
 * @returns by item, the one touched last first
 */
export function interests(history: readonly HistoryEvent[], options: InterestOptions): readonly Interest[] {
  const newest = history[0]?.occurredAt ?? 0;
  const byItem = new Map<number, HistoryEvent[]>();
  for (const event of history) {
    const events = byItem.get(event.item);
    if (events === undefined) byItem.set(event.item, [event]);
    else events.push(event);
  }
  const result: Interest[] = [];
  for (const [item, events] of byItem) {
    const standing = withoutTakenBack(events);
    const strength = strengthOf(standing, newest, options);
    const touched = standing[0]?.occurredAt;
    if (strength > 0 && touched !== undefined) {
      result.push({ item, strength, freshness: 1 - 2 ** ((touched - newest) / SEEN_HALF_LIFE) });
    }
  }
  return result;
}

/** One item's events, the newest first, without those that later ones took back, and without these. */
function withoutTakenBack(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  if (!events.some(({ event }) => TAKES_BACK.has(event))) return events;
  const pieces = new Map<string, number>();
  let standing: HistoryEvent[] = [];
  for (const event of events.toReversed()) {
    const taken = TAKES_BACK.get(event.event);
    if (taken === undefined) {
      pieces.set(event.event, (pieces.get(event.event) ?? 0) + event.quantity);
      standing.push(event);
      continue;
    }
    const left = Math.max(0, (pieces.get(taken) ?? 0) - event.quantity);
    pieces.set(taken, left);
    if (left === 0) standing = standing.filter((earlier) => earlier.event !== taken);
  }
  return standing.toReversed();
}

function strengthOf(
  events: readonly HistoryEvent[],
  newest: number,
  { weights, halfLifeDays }: InterestOptions,
): number {
  const counted = new Set<string>();
  let strength = 0;
  for (const { event, occurredAt } of events) {
    if (counted.has(event)) continue;
    counted.add(event);
    const age = newest - occurredAt;
    const decay = (2 ** (-age / VISIT_HALF_LIFE) + 2 ** (-age / (halfLifeDays * DAY))) / 2;
    strength += (weights.get(event) ?? 0) * decay;
  }
  return strength;
}

/**
 * Interests of the current visit, which is known by its items alone: the newest item counts 1, the one before it 1/2,
 * then 1/3 and so on (the `div` decay of Ludewig and Jannach, "Evaluation of session-based recommendation algorithms",
 * 2018).
 *
 * @param items in the order of the visit, the newest last
 */
export function visitInterests(items: readonly number[], limits: HistoryLimits = HISTORY_LIMITS): readonly Interest[] {
  const distinct = [...new Set(items.toReversed())].slice(0, limits.items);
  return distinct.map((item, place) => ({ item, strength: 1 / (place + 1), freshness: 0 }));
}
