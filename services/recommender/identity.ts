/** Which actors a person is, as a replica knows it. Everything here is pure. */
import { anonymousActor, holdingLink, type Link, MAX_VISITORS } from "../activity/index.ts";

/** What is known of whom an actor is one with. */
export interface Ties {
  /** Of a visitor: whom it signed in as; `null` as far as is known nobody. */
  readonly owner: Link | null;
  /** Of a user: the visitors that signed in as it, the latest first. One that proves to be another's counts no more. */
  readonly visitors: readonly Link[];
}

export const NO_TIES: Ties = { owner: null, visitors: [] };

/** A visitor's ties with one more link: the same in any order. */
export function ownedBy(ties: Ties, link: Link): Ties {
  const owner = ties.owner === null ? link : holdingLink(ties.owner, link);
  return owner === ties.owner ? ties : { ...ties, owner };
}

/** A user's ties with one more link. Beyond the limit those who signed in first go. */
export function visitedBy(ties: Ties, link: Link): Ties {
  const known = ties.visitors.find(({ anonymousId }) => anonymousId === link.anonymousId);
  if (known !== undefined && known.linkedAt <= link.linkedAt) return ties;
  const visitors = ties.visitors.filter((other) => other !== known);
  const place = visitors.findIndex((other) => isLater(link, other));
  visitors.splice(place < 0 ? visitors.length : place, 0, link);
  return { ...ties, visitors: visitors.slice(0, MAX_VISITORS) };
}

function isLater(one: Link, other: Link): boolean {
  return one.linkedAt !== other.linkedAt ? one.linkedAt > other.linkedAt : one.anonymousId < other.anonymousId;
}

/**
 * The actors whose events are one history with those of `actorId`: first the one that stands for all.
 *
 * @param tiesOf of an actor; `undefined` when nothing is known of it
 */
export function actorsOfPerson(actorId: string, tiesOf: (actorId: string) => Ties | undefined): readonly string[] {
  const person = tiesOf(actorId)?.owner?.userId ?? actorId;
  const visitors = tiesOf(person)?.visitors ?? [];
  if (visitors.length === 0) return [person];
  const actors = [person];
  for (const { anonymousId } of visitors) {
    const actor = anonymousActor(anonymousId);
    const owner = tiesOf(actor)?.owner ?? null;
    if (owner === null || owner.userId === person) actors.push(actor);
  }
  return actors;
}
