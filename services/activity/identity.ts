/**
 * Who an anonymous visitor turned out to be. An event that carries both ids says so; the visitor belongs to the first
 * user that it signed in as, whatever arrives in which order.
 */

/** An anonymous visitor was signed in as a user. */
export interface Link {
  readonly anonymousId: string;
  readonly userId: string;
  /** When first; milliseconds since 1970, UTC. */
  readonly linkedAt: number;
}

/** Whom an event names; absent ids are `""`. */
export interface Named {
  readonly userId: string;
  readonly anonymousId: string;
  /** Milliseconds since 1970, UTC. */
  readonly occurredAt: number;
}

/** Of one user, what it did under its latest so many anonymous ids is joined: more is a machine, not a person. */
export const MAX_VISITORS = 100;

const ANONYMOUS_PREFIX = "anonymous:";

/** The actor of what a visitor did before it signed in. */
export function anonymousActor(anonymousId: string): string {
  return `${ANONYMOUS_PREFIX}${anonymousId}`;
}

/** `null` for the actor of a user or a session. */
export function anonymousIdOf(actorId: string): string | null {
  return actorId.startsWith(ANONYMOUS_PREFIX) ? actorId.slice(ANONYMOUS_PREFIX.length) : null;
}

/** `null` unless the event carries both ids. A user whose id reads as that of a visitor's actor is joined with nobody. */
export function linkOf({ userId, anonymousId, occurredAt }: Named): Link | null {
  if (userId === "" || anonymousId === "" || anonymousIdOf(userId) !== null) return null;
  return { anonymousId, userId, linkedAt: occurredAt };
}

/** Of two links of one visitor the one that holds: the earlier, at one time that of the smaller user id, as ClickHouse orders text. */
export function holdingLink(one: Link, other: Link): Link {
  if (one.linkedAt !== other.linkedAt) return one.linkedAt < other.linkedAt ? one : other;
  return Buffer.compare(Buffer.from(one.userId), Buffer.from(other.userId)) <= 0 ? one : other;
}
